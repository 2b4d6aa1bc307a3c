"""A consumer of the bus learns who leads a board, who enters its top and who leaves it."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scorecast.leaderboard.closing import closings_until
from scorecast.leaderboard.policy import utc_text
from scorecast.standings.announce.closings import GRACE_S
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.standings_fakes import Replayed, replay
from tests.support.waiting import eventually

PLACES = 10
GUIDE = Path(__file__).parents[2] / "docs" / "standing-events.md"
PATTERNS = re.findall(r"```json\n(\{.*?\})\n```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


class Told:
    """A consumer's queue with the standing events of one board, and the main table that they come from."""

    def __init__(self, stack: Stack, board: str, url: str) -> None:
        self.sqs, self.url, self.board = stack.client("sqs"), url, board
        self.table, self.name = stack.client("dynamodb"), stack.outputs["MainTableName"]
        self.events: dict[str, dict[str, Any]] = {}

    def put(self, **scores: int) -> None:
        for participant, score in scores.items():
            key = {"id": {"S": participant}, "metadata": {"S": self.board}}
            self.table.put_item(TableName=self.name, Item=key | {"projectScore": {"N": str(score)}})

    def delete(self, participant: str) -> None:
        key = {"id": {"S": participant}, "metadata": {"S": self.board}}
        self.table.delete_item(TableName=self.name, Key=key)

    def receive(self) -> None:
        """Receive new events."""
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                self.events[event["detail"]["id"]] = event
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def take(self) -> Replayed:
        """Receive new events, and replay all events so far."""
        self.receive()
        entries = [
            {"DetailType": one["detail-type"], "Detail": json.dumps(one["detail"])} for one in self.events.values()
        ]
        return replay(entries).get(self.board, Replayed())

    def knows(self, leader: str | None, members: str) -> None:
        assert self.take() == Replayed(set(members), leader)


@pytest.fixture
def told(stack: Stack) -> Iterator[Told]:
    """A board of the test's own, and a consumer of its standing events, added with the command."""
    name = f"c{uuid.uuid4().hex[:8]}"
    sqs, scorecast = stack.client("sqs"), Scorecast(stack.twin.port)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["standings.scorecast"], "detail": {"hackathonName": [name]}})
    scorecast.ok("consumers", "add", name, "--pattern", pattern, "--target", arn)
    yield Told(stack, name, url)
    scorecast.ok("consumers", "remove", name)
    sqs.delete_queue(QueueUrl=url)


def test_a_consumer_is_told_who_leads_and_who_is_in_the_top(told: Told) -> None:
    told.put(a=90, b=80)
    eventually(lambda: told.knows("a", "ab"))
    told.put(b=95)
    eventually(lambda: told.knows("b", "ab"))
    lead = [one for one in told.events.values() if one["detail-type"] == "LeadChanged"][-1]
    assert lead["source"] == "standings.scorecast"
    assert lead["detail"]["participant"] == {"id": "b", "projectScore": 95}
    assert (lead["detail"]["previousRank"], lead["detail"]["rank"], lead["detail"]["top"]) == (2, 1, PLACES)
    assert lead["detail"]["previousLeader"] == {"id": "a", "projectScore": 90, "rank": 2}


def test_a_participant_who_falls_out_of_the_top_leaves_it_and_the_next_one_enters(told: Told) -> None:
    told.put(**{name: 10 + at for at, name in enumerate("abcdefghijk")})
    eventually(lambda: told.knows("k", "bcdefghijk"))
    told.put(a=50)
    eventually(lambda: told.knows("a", "acdefghijk"))
    told.delete("a")
    eventually(lambda: told.knows("k", "bcdefghijk"))
    for name in "abcdefghijk":
        told.delete(name)
    eventually(lambda: told.knows(None, ""))


@pytest.mark.slow
def test_a_board_that_closes_is_announced_once(stack: Stack, told: Told) -> None:
    told.put(a=90, b=80, c=80)
    eventually(lambda: told.knows("a", "abc"))
    # So the grace is over, and the next minute's call announces it.
    closes_at = utc_text(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=GRACE_S))
    Scorecast(stack.twin.port).ok("boards", "set", told.board, "--closes-at", closes_at)

    def is_announced_and_done() -> None:
        told.receive()
        closed = [one["detail"] for one in told.events.values() if one["detail-type"] == "BoardClosed"]
        assert [(one["total"], one["at"]) for one in closed] == [(3, closes_at)]
        entries = closed[0]["entries"]
        assert [(one["rank"], one["projectScore"]) for one in entries] == [(1, 90), (2, 80), (2, 80)]
        kept = told.table.query(**closings_until(stack.outputs["BoardTableName"], closes_at))["Items"]
        assert [one for one in kept if one["board"]["S"] == told.board] == []

    # A schedule of the engine is up to 10 seconds late.
    eventually(is_announced_and_done, 90)


CLOSED, LED = "boardClosedEvent.json", "standingEvent.json"


@pytest.mark.parametrize(("number", "matched"), [(0, [LED]), (1, [LED]), (2, []), (3, [CLOSED])])
def test_the_guides_patterns_match_what_it_says(stack: Stack, number: int, matched: list[str]) -> None:
    assert len(PATTERNS) == 4
    done = Scorecast(stack.twin.port).run("consumers", "test", "--pattern", PATTERNS[number], "--json")
    assert [one["from"] for one in json.loads(done.stdout)["events"] if one["matches"]] == matched
