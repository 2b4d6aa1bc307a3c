"""Stand-ins for AWS with state that a test can look at, and samples of what travels."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

STREAM_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/main/stream/2026-01-01T00:00:00.000"


def client_error(code: str, status: int = 400) -> ClientError:
    """What botocore raises for an error answer."""
    response = {"Error": {"Code": code, "Message": "as told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


def item(participant: str = "1", board: str = "StarWar", score: str | None = "60", name: str = "userA") -> dict:
    """An item of the main table, in typed JSON."""
    image = {"id": {"S": participant}, "metadata": {"S": board}, "userName": {"S": name}}
    return image | {"hackathonName": {"S": board}} | ({} if score is None else {"projectScore": {"N": score}})


def record(new: dict | None = None, old: dict | None = None, sequence: int = 1, **body: Any) -> dict:
    """A record of the main table's stream; what happened follows from the images."""
    image = new or old or {}
    images = {name: value for name, value in (("NewImage", new), ("OldImage", old)) if value is not None}
    return {
        "eventID": f"event-{sequence}",
        "eventName": "MODIFY" if new and old else "INSERT" if new else "REMOVE",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM_ARN,
        "dynamodb": {
            "ApproximateCreationDateTime": 1586939176,
            "Keys": {name: image[name] for name in ("id", "metadata")},
            "SequenceNumber": str(sequence).zfill(21),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        | images
        | body,
    }


@dataclass
class FakeEvents:
    """A bus: keeps what it took, in order; `refuse` says with which code an entry or a call fails."""

    refuse_entry: Callable[[dict], str | None] = lambda _: None
    refuse_call: Callable[[list[dict]], ClientError | None] = lambda _: None
    taken: list[dict] = field(default_factory=list)
    calls: list[list[dict]] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict]) -> dict:
        self.calls.append(Entries)
        if error := self.refuse_call(Entries):
            raise error
        return {"Entries": [self._take(entry) for entry in Entries]}

    def _take(self, entry: dict) -> dict:
        if code := self.refuse_entry(entry):
            return {"ErrorCode": code, "ErrorMessage": "as told"}
        self.taken.append(entry)
        return {"EventId": "1"}

    @property
    def details(self) -> list[dict]:
        return [json.loads(entry["Detail"]) for entry in self.taken]


@dataclass
class FakeSqs:
    """A queue: keeps the bodies it took; `refuses` makes it fail every entry."""

    refuses: bool = False
    messages: list[dict] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict]) -> dict:
        self.batch_sizes.append(len(Entries))
        if self.refuses:
            return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries]}
        self.messages += [json.loads(entry["MessageBody"]) for entry in Entries]
        return {"Successful": []}


@dataclass
class FakeDynamoDb:
    """A table that executes the statements of scorecast.standings.store, and nothing else.

    `before` is called with each statement, and may answer an error code for it, raise, or change `items` first.
    """

    items: dict[tuple[str, str], dict] = field(default_factory=dict)
    boards: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    before: Callable[[str, list[dict]], str | None] = lambda *_: None

    def put_item(self, *, TableName: str, Item: dict) -> dict:
        self.boards.append(Item["name"]["S"])
        return {}

    def batch_execute_statement(self, *, Statements: list[dict]) -> dict:
        assert 1 <= len(Statements) <= 25
        return {"Responses": [self._execute(one["Statement"], one["Parameters"]) for one in Statements]}

    def _execute(self, statement: str, parameters: list[dict]) -> dict:
        self.statements.append(statement.split(" ", 1)[0])
        if code := self.before(statement, parameters):
            return {"Error": {"Code": code, "Message": "as told"}}
        run = self._update if statement.startswith("UPDATE") else self._insert
        code = run(statement, parameters)
        return {"Error": {"Code": code}} if code else {}

    def _update(self, statement: str, parameters: list[dict]) -> str | None:
        *values, key, sort, sequence = parameters
        standing = self.items.get((key["S"], sort["S"]))
        if standing is None or not standing["sequence"]["S"] < sequence["S"]:
            return "ConditionalCheckFailed"
        for name in re.findall(r'REMOVE "(\w+)"', statement):
            standing.pop(name, None)
        standing.update(zip(re.findall(r'SET "(\w+)"', statement), values, strict=True))
        return None

    def _insert(self, statement: str, parameters: list[dict]) -> str | None:
        values = dict(zip(re.findall(r"'(\w+)': \?", statement), parameters, strict=True))
        key = values["id"]["S"], values["metadata"]["S"]
        if key in self.items:
            return "DuplicateItem"
        self.items[key] = values
        return None

    @property
    def standings(self) -> dict[tuple[str, str], str]:
        """The score of every entry that stands."""
        return {key: value["projectScore"]["N"] for key, value in self.items.items() if "projectScore" in value}
