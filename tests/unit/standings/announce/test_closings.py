"""The end of a board is announced once, with its final top and total."""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scorecast.leaderboard.closing import closing_of
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties, policy_key, utc_text
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.standings.announce.closings import GRACE_S, PATIENCE_S, ClosingAnnouncements
from scorecast.standings.announce.publish import StandingEventPublisher
from scorecast.standings.store import Leaderboard
from tests.support.fakes import client_error
from tests.support.standings_fakes import System, event

# Before it, all of the system's changes have happened.
CLOSED = datetime(2020, 4, 16, tzinfo=UTC)
CLOSES = BoardPolicy(closes_at=utc_text(CLOSED))
SCORES = {"a": "90", "b": "80", "c": "80", "d": "60"}


@dataclass
class Ended:
    """A board of four that has closed, with a top of three, and what announces it."""

    system: System = field(default_factory=System)

    def declare(self, policy: BoardPolicy, board: str = "StarWar") -> None:
        self.system.table.declare(board, policy)
        if closing := closing_of(board, policy):
            self.system.table.put_item(TableName="boards", Item=closing.item)

    def play(self, policy: BoardPolicy = CLOSES) -> None:
        self.declare(policy)
        self.system.process(*(event(name, score, at) for at, (name, score) in enumerate(SCORES.items(), 1)))
        self.system.drained = len(self.system.events.taken)

    def announce(self, after_s: float = GRACE_S, **more: Any) -> int:
        publisher = StandingEventPublisher(self.system.events, "fanoutBus", lambda _: None)
        table: Any = self.system.table
        announcements = ClosingAnnouncements(table, "leaderboard", "index", "ties", "boards", publisher, 3)
        return announcements.announce(CLOSED + timedelta(seconds=after_s), **more)

    @property
    def told(self) -> list[dict[str, Any]]:
        """The details of the closing events so far."""
        taken = self.system.events.taken
        return [json.loads(one["Detail"]) for one in taken if one["DetailType"] == "BoardClosed"]

    @property
    def kept(self) -> list[str]:
        """The boards whose closings the table keeps."""
        items = self.system.table.board_items.items()
        return sorted(item["board"]["S"] for (collection, _), item in items if collection == "closings")


@pytest.fixture
def ended() -> Ended:
    ended = Ended()
    ended.play()
    return ended


def test_a_board_that_expired_before_it_was_announced_is_not(ended: Ended) -> None:
    ended.system.table.declare("StarWar", replace(CLOSES, kept_until=utc_text(CLOSED + timedelta(days=1))))
    assert ended.announce(after_s=24 * 3600) == 0
    assert (ended.told, ended.kept) == ([], [])


def test_a_board_that_closed_is_announced_with_its_top_and_total_and_then_no_more(ended: Ended) -> None:
    assert ended.announce() == 1
    [told] = ended.told
    assert [(one["rank"], one["projectScore"]) for one in told["entries"]] == [(1, 90), (2, 80), (2, 80)]
    assert {one["id"] for one in told["entries"]} == {"a", "b", "c"}
    assert (told["total"], told["top"], told["at"]) == (4, 3, CLOSES.closes_at)
    assert ended.kept == []
    assert ended.announce(after_s=3600) == 0


def test_late_changes_have_their_time_before_the_event(ended: Ended) -> None:
    assert ended.announce(after_s=GRACE_S - 1) == 0
    ended.system.process(event("e", "99", 9))
    ended.announce()
    assert ended.told[0]["entries"][0]["id"] == "e"


def test_an_ascending_board_has_its_lowest_scores_first() -> None:
    ended = Ended()
    ended.play(replace(CLOSES, order=Order.ASCENDING))
    ended.announce()
    assert [one["projectScore"] for one in ended.told[0]["entries"]] == [60, 80, 80]


def test_columns_rank_and_are_shown() -> None:
    ended = Ended()
    ended.play(replace(CLOSES, then_by="penalty:descending"))
    ended.announce()
    assert [(one["rank"], one["id"], one.get("thenBy")) for one in ended.told[0]["entries"]] == [
        (1, "a", {"penalty": 1}),
        (2, "b", {"penalty": 2}),
        (3, "c", {"penalty": None}),
    ]


def test_tied_entries_stand_in_the_boards_order() -> None:
    ended = Ended()
    ended.play(replace(CLOSES, ties=Ties.EARLIEST))
    ended.announce()
    assert [(one["rank"], one["id"]) for one in ended.told[0]["entries"]] == [(1, "a"), (2, "b"), (2, "c")]


def test_hidden_entries_are_neither_shown_nor_counted(ended: Ended) -> None:
    Leaderboard(ended.system.table, "leaderboard", "boards", lambda _: None).hide(("a", "StarWar"), CLOSES, "cheated")
    ended.announce()
    assert {one["id"] for one in ended.told[0]["entries"]} == {"b", "c", "d"}
    assert ended.told[0]["total"] == 3


def test_a_board_without_entries_is_announced() -> None:
    ended = Ended()
    ended.declare(CLOSES)
    assert ended.announce() == 1
    assert (ended.told[0]["entries"], ended.told[0]["total"]) == ([], 0)


def test_a_closing_that_moved_is_announced_at_its_new_time_only(ended: Ended) -> None:
    later = replace(CLOSES, closes_at=utc_text(CLOSED + timedelta(hours=1)))
    ended.declare(later)
    assert ended.announce() == 0
    assert ended.announce(after_s=3600 + GRACE_S) == 1
    assert [one["at"] for one in ended.told] == [later.closes_at]


@pytest.mark.parametrize("policy", [BoardPolicy(), BoardPolicy(order=Order.ASCENDING)])
def test_a_board_that_was_opened_again_is_not_announced(ended: Ended, policy: BoardPolicy) -> None:
    ended.system.table.declare("StarWar", policy)
    assert ended.announce() == 0
    assert (ended.told, ended.kept) == ([], [])


def test_a_frozen_board_waits_until_it_is_revealed(ended: Ended) -> None:
    frozen = replace(CLOSES, freezes_at=utc_text(CLOSED - timedelta(hours=1)))
    ended.system.table.declare("StarWar", frozen)
    assert ended.announce(after_s=86400) == 0
    ended.system.table.declare("StarWar", CLOSES)
    assert ended.announce(after_s=86400) == 1


def test_what_the_bus_refuses_is_published_by_the_next_call(ended: Ended) -> None:
    ended.system.events.refuse_entry = lambda _: "InternalFailure"
    assert ended.announce() == 0
    assert ended.kept == ["StarWar"]
    ended.system.events.refuse_entry = lambda _: None
    assert ended.announce() == 1


def test_a_process_that_ends_before_it_deletes_the_closing_leads_to_the_same_event(
    ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise client_error("InternalServerError")

    with monkeypatch.context() as during:
        during.setattr(ended.system.table, "delete_item", fail)
        ended.announce()
    ended.announce()
    assert len(ended.told) == 2
    assert ended.told[0] == ended.told[1]


def test_a_table_that_does_not_answer_is_left_to_the_next_call(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise client_error("InternalServerError")

    with monkeypatch.context() as during:
        during.setattr(ended.system.table, "query", fail)
        assert ended.announce() == 0
    assert "could not read the closings" in caplog.text
    assert ended.announce() == 1


def test_a_policy_that_is_not_usable_holds_up_no_other_board(ended: Ended, caplog: pytest.LogCaptureFixture) -> None:
    ended.declare(CLOSES, "Other")
    ended.system.table.put_item(TableName="boards", Item=policy_key("StarWar") | {"keep": {"S": "worst"}})
    assert ended.announce() == 1
    assert [one["hackathonName"] for one in ended.told] == ["Other"]
    assert ended.kept == ["StarWar"]
    assert "could not announce the end of a board" in caplog.text


def test_an_index_that_is_behind_delays_the_event_but_not_for_ever(ended: Ended) -> None:
    ended.system.table.indexed = {}
    assert ended.announce() == 0
    assert ended.announce(after_s=PATIENCE_S) == 1


def test_what_is_not_reached_in_time_is_left_to_the_next_call(ended: Ended) -> None:
    assert ended.announce(deadline=-1) == 0
    assert ended.kept == ["StarWar"]


def test_a_board_that_begins_declares_its_closing_with_its_policy(ended: Ended) -> None:
    table = PolicyTable(ended.system.table, "boards")
    table.declare("StarWar~2020-W16", CLOSES)
    table.declare("StarWar~2020-W16", replace(CLOSES, closes_at="2021-01-01T00:00:00Z"))
    table.declare("Open", BoardPolicy(order=Order.ASCENDING))
    assert ended.kept == ["StarWar", "StarWar~2020-W16"]
