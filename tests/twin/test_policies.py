"""The policies of docs/security.md for people: who has one of them, and nothing else, can do what it is for."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scorecast.twin import deployment
from scorecast.twin.instance import bin_dir
from tests.support.command import Scorecast
from tests.support.deployed import Stack, copy_of
from tests.support.documented_policies import ACCOUNT, documented_policy, without
from tests.support.recovery_fakes import change, envelope
from tests.support.waiting import eventually

Environment = dict[str, str]
MADE = "of-deployers"
PARKED = envelope("fanout", change(1, participant="9"))


@pytest.fixture(scope="module")
def own(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A twin on which only these tests deploy and rebuild."""
    with copy_of(made, tmp_path_factory.mktemp("policies") / "copy") as stack:
        yield stack


def someone_with(stack: Stack, policy: dict[str, Any]) -> Environment:
    """The environment of somebody who has a policy and no other."""
    iam, name = stack.client("iam"), f"someone-{uuid.uuid4()}"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="documented", PolicyDocument=json.dumps(policy))
    key = stack.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "AWS_ENDPOINT_URL": stack.endpoint,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "AWS_SESSION_TOKEN": key["SessionToken"],
        "AWS_REGION": "us-east-1",
    }


# ---------------------------------------------------------------- deployers


def sam(stack: Stack, who: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the SAM CLI as somebody."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    more = {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0", "AWS_CONFIG_FILE": os.devnull}
    more["SAM_CLI_POLL_DELAY"] = str(deployment.SAM_POLL_S)
    command = [str(bin_dir() / "sam"), *arguments, "--stack-name", MADE, "--config-env", "none"]
    at: dict[str, Any] = {"cwd": stack.twin.root, "env": environment | more | who, "stdin": subprocess.DEVNULL}
    return subprocess.run(command, **at, capture_output=True, text=True)


def deploy(stack: Stack, who: Environment) -> subprocess.CompletedProcess[str]:
    return sam(
        stack,
        who,
        *("deploy", "--template-file", str(stack.build_dir / "template.yaml"), "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "--parameter-overrides", f"EventBusName={MADE}"),
        *("--no-confirm-changeset", "--no-progressbar", "--force-upload"),
    )


def status(stack: Stack) -> str | None:
    found = stack.client("cloudformation").list_stacks()["StackSummaries"]
    states = [one["StackStatus"] for one in found if one["StackName"] == MADE]
    return next((state for state in states if state not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")), None)


@pytest.mark.parametrize("sid", ["Stacks", "Packages"])
def test_without_a_statement_of_the_deployers_policy_sam_is_refused(own: Stack, sid: str) -> None:
    policy = documented_policy("Deployers", MADE, bus=MADE)
    done = deploy(own, someone_with(own, without(policy, sid)))
    assert done.returncode != 0
    assert "AccessDenied" in done.stdout + done.stderr or "not authorized" in done.stdout + done.stderr
    assert status(own) is None


def test_a_stack_of_another_name_is_not_the_deployers(own: Stack) -> None:
    done = deploy(own, someone_with(own, documented_policy("Deployers", "another", bus=MADE)))
    assert done.returncode != 0
    assert status(own) is None


def test_the_deployers_policy_is_enough_to_deploy_and_to_delete(own: Stack) -> None:
    deployer = someone_with(own, documented_policy("Deployers", MADE, bus=MADE))
    done = deploy(own, deployer)
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(own) == "CREATE_COMPLETE"
    done = sam(own, deployer, "delete", "--no-prompts", "--region", "us-east-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(own) is None


# ---------------------------------------------------------------- operators


@pytest.fixture(scope="module")
def operator(own: Stack) -> Scorecast:
    """The command line of somebody with the operators' policy."""
    policy = documented_policy("Operators", own.twin.stack, own.outputs["MainTableName"])
    return Scorecast(own.twin.port, someone_with(own, policy))


def test_doctor_runs_with_the_operators_policy_and_no_other(operator: Scorecast) -> None:
    answer = operator.json("doctor")
    unchecked = [one for one in answer["checks"] + answer["canary"] if one["state"] == "not checked"]
    assert [(one["name"], one["found"]) for one in unchecked if one["name"] != "PutEvents quota"] == []
    operator.ok("trace", "1", "StarWar")


def test_an_operator_declares_and_withdraws_a_policy(operator: Scorecast) -> None:
    operator.ok("boards", "set", "Golf", "--order", "ascending")
    assert "Golf" in operator.ok("boards", "list")
    operator.ok("boards", "unset", "Golf")
    operator.ok("dlq", "list")


def test_an_operator_takes_a_board_to_a_file_and_back(operator: Scorecast, tmp_path: Path) -> None:
    file = str(tmp_path / "board.csv")
    operator.ok("export", "StarWar", "--into", file)
    assert operator.json("import", file, "--board", "Rematch")["written"] == 3


def test_an_operator_repairs_and_rebuilds(own: Stack, operator: Scorecast) -> None:
    dynamodb, table = own.client("dynamodb"), own.outputs["BoardTableName"]
    items = dynamodb.scan(TableName=table)["Items"]
    for item in items:
        dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("collection", "name")})
    entry = {"id": {"S": "1"}, "metadata": {"S": "StarWar"}}
    dynamodb.delete_item(TableName=own.outputs["LeaderboardTableName"], Key=entry)
    operator.ok("verify", "--repair")
    operator.ok("rebuild")
    assert operator.json("verify")["miscounts"] == 0
    eventually(lambda: operator.ok("top", "StarWar"))


def test_an_operator_sends_a_dead_letter_again(own: Stack, operator: Scorecast) -> None:
    own.client("sqs").send_message(QueueUrl=own.outputs["FanoutDlqUrl"], MessageBody=PARKED)
    assert operator.json("dlq", "redrive")["sent"] == 1


def test_only_an_operator_with_the_erasers_policy_erases_a_participant(own: Stack, operator: Scorecast) -> None:
    operators = documented_policy("Operators", own.twin.stack, own.outputs["MainTableName"])
    erasers = documented_policy("Erasers", own.twin.stack)
    both = operators | {"Statement": operators["Statement"] + erasers["Statement"]}
    eraser = Scorecast(own.twin.port, someone_with(own, both))
    main, key = own.outputs["MainTableName"], {"id": {"S": "erased"}, "metadata": {"S": "Golf"}}
    own.client("dynamodb").put_item(TableName=main, Item=key | {"projectScore": {"N": "7"}})
    own.client("sqs").send_message(
        QueueUrl=own.outputs["FanoutDlqUrl"], MessageBody=envelope(made=change(1, participant="erased"))
    )
    eventually(lambda: eraser.ok("rank", "erased", "Golf"))
    assert "may not call ListObjectVersions" in operator.fails(6, "forget", "erased", "--yes")
    assert own.client("dynamodb").get_item(TableName=main, Key=key)["Item"]
    assert eraser.json("forget", "erased", "--yes")["complete"]
    assert eraser.json("forget", "erased", "--dry-run")["found"] == {}


def test_an_operator_adds_no_consumer(operator: Scorecast) -> None:
    target = f"arn:aws:sqs:us-east-1:{ACCOUNT}:consumer-mine"
    done = operator.run("consumers", "add", "mine", "--pattern", '{"detail-type": ["INSERT"]}', "--target", target)
    assert done.returncode != 0
    assert "may not" in done.stderr
