"""The commands on a running twin, as they are typed."""

import json
import signal
import uuid
from decimal import Decimal

import pytest

from tests.support.command import Scorecast, complaint
from tests.support.deployed import Stack, free_port
from tests.support.pipeline import shows_total
from tests.support.waiting import eventually


@pytest.fixture
def board() -> str:
    return f"board {uuid.uuid4()}"


def test_a_score_goes_through_the_pipeline_and_is_ranked(scorecast: Scorecast, board: str) -> None:
    for participant, score in (("1", "60"), ("2", "90"), ("3", "90"), ("4", "-3.5")):
        said = scorecast.ok("score", participant, board, score, "--name", f"user {participant}")
        assert said.startswith(f"{participant} has {score} on the board {board}; it arrived after ")
    assert [entry["rank"] for entry in scorecast.json("top", board)["entries"]] == [1, 1, 3, 4]
    place = scorecast.json("rank", "1", board)
    assert (place["userName"], place["projectScore"], place["rank"], place["total"]) == ("user 1", 60, 3, 4)
    assert (board, 4) in [(one["hackathonName"], one["total"]) for one in scorecast.json("top")["boards"]]


def test_a_score_of_38_digits_stays_exact(scorecast: Scorecast, board: str) -> None:
    digits = "9876543210987654321098765432109876543.2"
    scorecast.ok("score", "1", board, digits)
    shown = json.loads(scorecast.ok("top", board, "--json"), parse_float=Decimal)
    assert shown["entries"][0]["projectScore"] == Decimal(digits)


def test_a_deleted_score_leaves_the_board(scorecast: Scorecast, board: str) -> None:
    scorecast.ok("score", "1", board, "60")
    scorecast.ok("score", "1", board, "--delete")
    assert "There is no board" in scorecast.fails(1, "top", board)
    assert "has no item '1'" in scorecast.fails(1, "score", "1", board, "--delete")


def test_more_than_a_page_is_shown(scorecast: Scorecast, stack: Stack, board: str) -> None:
    table, dynamodb = stack.outputs["MainTableName"], stack.client("dynamodb")
    for number in range(120):
        item = {"id": {"S": str(number)}, "metadata": {"S": board}, "projectScore": {"N": str(number)}}
        dynamodb.put_item(TableName=table, Item=item)
    eventually(lambda: shows_total(stack, board, 120))
    top = scorecast.json("top", board, "--limit", "115")
    assert [entry["id"] for entry in top["entries"]] == [str(number) for number in range(119, 4, -1)]
    assert top["total"] == 120


def test_a_name_of_any_characters_is_one_name(scorecast: Scorecast) -> None:
    board, participant = f"a/b %2F [bold]é {uuid.uuid4()}", "x/y?z=%20&é"
    scorecast.ok("score", participant, board, "5", "--name", "[red]\x1b[31m")
    assert scorecast.json("rank", participant, board)["rank"] == 1
    table = scorecast.ok("top", board)
    assert "[red]" in table
    assert "\x1b[31m" not in table


@pytest.mark.parametrize(
    ("code", "arguments", "says"),
    [
        (4, ["top", "--stack", "nowhere"], "There is no stack 'nowhere' at http://127.0.0.1:"),
        (1, ["top", "no such board"], "There is no board 'no such board'"),
        (1, ["rank", "nobody", "StarWar"], "The participant 'nobody' is not on the board"),
        (2, ["score", "1", "StarWar", "ninety"], "is not a number of up to 38 digits"),
        (2, ["score", "1", "StarWar"], "Give either a SCORE"),
        (5, ["top", "--region", "us-east-1"], "There are no AWS credentials"),
        (7, ["top", "--region", "mars-1"], "There is no AWS region 'mars-1'"),
        (7, ["top", "--profile", "nobody"], "profile (nobody) could not be found"),
    ],
)
def test_a_users_mistake_is_answered_in_one_sentence(
    scorecast: Scorecast, code: int, arguments: list[str], says: str
) -> None:
    assert says in scorecast.fails(code, *arguments)


def test_an_engine_that_does_not_run_says_how_to_start_it() -> None:
    port = free_port()
    said = complaint(Scorecast(port).run_process("top"), 3)
    assert f"does not answer at http://127.0.0.1:{port}: start it with `make up`" in said


def test_a_command_that_is_started_as_users_do_answers_the_same(scorecast: Scorecast) -> None:
    started, called = scorecast.run_process("top", "StarWar"), scorecast.run("top", "StarWar")
    assert (started.returncode, started.stdout, started.stderr) == (called.returncode, called.stdout, called.stderr)


@pytest.mark.parametrize("variable", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_rejected_credentials_are_reported(stack: Stack, variable: str) -> None:
    user = stack.client("iam").create_user(UserName=f"user-{uuid.uuid4()}")["User"]["UserName"]
    key = stack.client("iam").create_access_key(UserName=user)["AccessKey"]
    given = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    known = Scorecast(stack.twin.port, given | {"AWS_ENDPOINT_URL": stack.endpoint})
    assert "You may not call DescribeStacks" in known.fails(6, "top")
    unknown = Scorecast(stack.twin.port, given | {"AWS_ENDPOINT_URL": stack.endpoint, variable: "AKIAIOSFODNN7EXAMPLE"})
    assert "does not accept these credentials" in unknown.fails(6, "top")


def test_ctrl_c_during_a_load_reports_what_is_written(scorecast: Scorecast, stack: Stack) -> None:
    table, dynamodb = stack.outputs["MainTableName"], stack.client("dynamodb")
    key = {"id": {"S": "load-00001"}, "metadata": {"S": "load-board-1"}}
    dynamodb.delete_item(TableName=table, Key=key)
    options = ("--changes", "100000", "--participants", "1", "--boards", "1", "--rate", "50", "--json")
    with scorecast.start("load", *options) as process:

        def is_writing() -> None:
            assert "Item" in dynamodb.get_item(TableName=table, Key=key)

        eventually(is_writing)
        process.send_signal(signal.SIGINT)
        written, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "of 100,000 changes are written" in said
    assert 0 < json.loads(written)["written"] < 100_000
