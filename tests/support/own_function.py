"""Functions of a test's own, and what the log of one on an engine without a stack says."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scorecast.twin.instance import Twin


class OwnFunction:
    """A function of one file, whose handler is `handle`; its role may send messages and nothing else."""

    def __init__(self, engine: Twin, name: str, code: str) -> None:
        self.name, self._engine, self._lambda = name, engine, engine.client("lambda")
        iam = engine.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Statement": trust})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        may_send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="send", PolicyDocument=json.dumps({"Statement": may_send}))
        self.arn = create_function(self._lambda, name, role, code, Timeout=4, MemorySize=128)

    def invoke(self, payload: bytes, kind: str = "RequestResponse") -> Any:
        """Invoke it with the bytes; return its answer."""
        answer = self._lambda.invoke(FunctionName=self.name, Payload=payload, InvocationType=kind)
        return json.loads(answer["Payload"].read() or b"null")

    def asked(self, **to: int) -> Any:
        return self.invoke(json.dumps(to).encode())

    @contextmanager
    def triggered_by(self, source: str, **settings: Any) -> Iterator[None]:
        """Let a stream or a queue trigger it, for as long as the block takes."""
        made = self._lambda.create_event_source_mapping(FunctionName=self.name, EventSourceArn=source, **settings)
        try:
            yield
        finally:
            self._lambda.delete_event_source_mapping(UUID=made["UUID"])

    def logged(self, word: str) -> list[str]:
        """What stands behind the word in the lines of its log, in order; it was invoked before."""
        logs = self._engine.client("logs")
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{self.name}", filterPattern=word)["events"]
        return [line["message"].split(f"{word} ")[1].strip() for line in events]


def took(function: OwnFunction, lines: list[str]) -> None:
    """Fail unless the function has logged "took" with just these texts behind it, in this order."""
    assert function.logged("took") == lines


def create_function(functions: Any, name: str, role: str, code: str, **settings: Any) -> str:
    """Create a function of one file, whose handler is `handle`; return its ARN."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("code.py", code)
    made = functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="code.handle",
        Role=role,
        Code={"ZipFile": package.getvalue()},
        **settings,
    )
    return str(made["FunctionArn"])


def create_stream(engine: Twin, table: str) -> str:
    """Create a table with the key `p` and a stream; return the stream's ARN."""
    made = engine.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(made["TableDescription"]["LatestStreamArn"])


def arn_of_queue(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"
