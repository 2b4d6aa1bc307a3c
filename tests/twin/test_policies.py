"""The policies of docs/security.md for operators and erasers: who has one, and nothing else, can do what it is for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Scorecast
from tests.support.deployed import Stack, copy_of
from tests.support.documented_policies import ACCOUNT, documented_policy, someone_with
from tests.support.recovery_fakes import change, envelope
from tests.support.waiting import eventually

PARKED = envelope("fanout", change(1, participant="9"))


@pytest.fixture(scope="module")
def own(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A twin on which only these tests rebuild."""
    with copy_of(made, tmp_path_factory.mktemp("policies") / "copy") as stack:
        yield stack


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
