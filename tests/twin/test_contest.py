"""A contest from its qualifying week to the results, as an organiser plays it through on the deployed system."""

import csv
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.leaderboard.derived_board import period_at
from scorecast.leaderboard.policy import BoardPolicy, Every, utc_text
from scorecast.leaderboard.policy_table import POLICY_AGE_S
from scorecast.standings.announce.closings import GRACE_S
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.fakes import STREAM_ARN, item, record
from tests.support.pipeline import MainTable, faults_on, verified
from tests.support.waiting import eventually

Rows = list[tuple[int, str, str]]


def ranked(stack: Stack, board: str, **parameters: str) -> Rows:
    """The ranks that everybody sees; none where there is no such board."""
    status, body = stack.get("leaderBoard/", hackathonName=board, **parameters)
    return [(one["rank"], one["id"], str(one["projectScore"])) for one in body["entries"]] if status == 200 else []


def sees(rows: Rows, expected: Rows) -> None:
    assert rows == expected


def late_change(board: str, participant: str, score: str, at: datetime) -> dict[str, Any]:
    """The event of a change that happened at a time, and reaches the bus only now."""
    image = item(participant, board, score, f"user {participant}")
    made = record(image, None, 1, ApproximateCreationDateTime=at.timestamp()) | {"eventID": f"{board}-{participant}"}
    detail = json.dumps(to_detail(from_record(made)))
    return {"Source": "update.aws.dynamodb", "DetailType": "INSERT", "Detail": detail, "Resources": [STREAM_ARN]}


def wait_for(moment: datetime) -> None:
    """Wait until the clock has passed a moment; the stream tells times in whole seconds."""

    def passed() -> None:
        assert datetime.now(UTC) > moment + timedelta(seconds=1)

    eventually(passed)


@pytest.fixture
def consumer(stack: Stack, scorecast: Scorecast, main: MainTable) -> Iterator[str]:
    """The queue of a consumer that gives out the prizes."""
    sqs, name = stack.client("sqs"), f"consumer-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"detail-type": ["BoardClosed"], "detail": {"hackathonName": [main.board]}})
    scorecast.ok("consumers", "add", name, "--pattern", pattern, "--target", arn)
    yield url
    scorecast.ok("consumers", "remove", name)
    sqs.delete_queue(QueueUrl=url)


def told(stack: Stack, url: str) -> dict[str, Any]:
    """What the only event in a queue says, of which there may be copies; fails while there is none."""
    asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 1}
    messages = stack.client("sqs").receive_message(**asked).get("Messages", [])
    details: dict[str, dict[str, Any]] = {one["id"]: one for one in (json.loads(m["Body"])["detail"] for m in messages)}
    [said] = details.values() or [{}]
    assert said
    return said


@pytest.mark.slow
def test_a_contest_from_the_qualifying_week_to_the_results(
    stack: Stack, scorecast: Scorecast, main: MainTable, consumer: str, tmp_path: Path
) -> None:
    board = main.board
    weekly = BoardPolicy(every=Every.WEEK)
    last_week = period_at(weekly, datetime.now(UTC)).before(weekly)
    scorecast.ok("boards", "set", board, "--every", "week", "--by", "country", "--freezes-at", "2999-01-01T00:00:00Z")

    # The qualifying week: its last changes arrive when it is over.
    events = [late_change(board, one, score, last_week.start) for one, score in (("1", "50"), ("2", "80"), ("3", "20"))]
    stack.client("events").put_events(Entries=[one | {"EventBusName": stack.outputs["BusName"]} for one in events])
    eventually(lambda: sees(ranked(stack, board, period="previous"), [(1, "2", "80"), (2, "1", "50"), (3, "3", "20")]))

    # The final: everybody scores before it freezes.
    main.put("1", {"N": "70"}, country={"S": "CN"})
    main.put("2", {"N": "60"}, country={"S": "FR"})
    main.put("3", {"N": "90"}, country={"S": "CN"})
    frozen = [(1, "3", "90"), (2, "1", "70"), (3, "2", "60")]
    eventually(lambda: sees(ranked(stack, board), frozen))
    eventually(lambda: sees(ranked(stack, board, period="current"), frozen))
    eventually(lambda: sees(ranked(stack, f"{board}~country.CN"), [(1, "3", "90"), (2, "1", "70")]))
    _, body = stack.get("leaderBoard/", hackathonName=board, period="current", movement="true")
    assert {one["id"]: one["previousRank"] for one in body["entries"]} == {"1": 2, "2": 1, "3": 3}

    # The last hour: people see what was, the jury sees what is. ConsumerLambda knows the new time after POLICY_AGE_S.
    freezes_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=POLICY_AGE_S + 1)
    scorecast.ok("boards", "set", board, "--freezes-at", utc_text(freezes_at))
    wait_for(freezes_at)
    main.put("2", {"N": "95"}, country={"S": "FR"})
    eventually(lambda: sees(live(scorecast, board), [(1, "2", "95"), (2, "3", "90"), (3, "1", "70")]))
    assert ranked(stack, board) == ranked(stack, board, period="current") == frozen
    assert stack.get(f"leaderBoard/{board}/participants/2")[1]["rank"] == 3
    assert [one["total"] for one in stack.get("participants/2")[1]["boards"] if one["hackathonName"] == board] == [3]
    assert "has been frozen since" in scorecast.ok("score", "1", board, "71")

    # The end, and somebody is disqualified after it: at once on the frozen board too. It closes a while ago, for the
    # event about the end leaves time for late changes.
    eventually(lambda: sees(live(scorecast, board), [(1, "2", "95"), (2, "3", "90"), (3, "1", "71")]))
    scorecast.ok("boards", "set", board, "--closes-at", utc_text(datetime.now(UTC) - timedelta(seconds=GRACE_S)))
    hidden = scorecast.ok("boards", "hide", board, "3", "--reason", "answers from another account")
    assert hidden.startswith(f"3 is hidden on {board}, ")
    assert ranked(stack, board) == [(1, "1", "70"), (2, "2", "60")]
    assert stack.get(f"leaderBoard/{board}/participants/3")[0] == 404

    # The results.
    scorecast.ok("boards", "reveal", board)
    results = [(1, "2", "95"), (2, "1", "71")]
    assert ranked(stack, board) == ranked(stack, board, period="current") == results
    assert ranked(stack, f"{board}~country.CN") == [(1, "1", "71")]
    file = tmp_path / "results.csv"
    scorecast.ok("export", board, "--format", "csv", "--into", str(file))
    with file.open(newline="", encoding="utf-8") as opened:
        assert [(int(one["rank"]), one["id"], one["projectScore"]) for one in csv.DictReader(opened)] == results
    assert faults_on(board, verified(scorecast, "20")) == []

    # The prizes: one event with the results, now that they are public.
    prizes = eventually(lambda: told(stack, consumer), 90)
    assert prizes["total"] == 2
    assert [(one["rank"], one["id"], str(one["projectScore"])) for one in prizes["entries"]] == results


def live(scorecast: Scorecast, board: str) -> Rows:
    """The ranks that the jury sees."""
    entries = scorecast.json("top", board, "--live")["entries"]
    return [(one["rank"], one["id"], str(one["projectScore"])) for one in entries]
