"""Standing events are published at least once, with the same ids, in spite of crashes and concurrent processes."""

import json
from collections import Counter
from dataclasses import replace
from itertools import count
from math import inf

import pytest

from scorecast.leaderboard.policy import BoardPolicy, Keep, Order
from scorecast.standings.announce.announcements import ROUNDS
from scorecast.standings.handler import RESERVE_S, Delivery
from tests.support.fakes import client_error
from tests.support.standings_fakes import Call, System, event


class Killed(BaseException):
    """The process that made the call has ended."""


@pytest.fixture
def system() -> System:
    """A board with a top of three: a 90, b 80, c 70; and d 60 below it, all announced."""
    system = System()
    system.process(event("a", "90", 1), event("b", "80", 2), event("c", "70", 3), event("d", "60", 4))
    assert [one for one in system.drain() if one[0] == "LeadChanged"] == [("LeadChanged", "a")]
    return system


def names(calls: list[Call]) -> list[str]:
    return [operation for operation, _ in calls]


def test_the_first_entries_enter_and_the_best_leads() -> None:
    system = System()
    system.process(*(event(name, str(score), score) for score, name in enumerate("abcde", 1)))
    assert system.drain() == [("EnteredTop", "e"), ("EnteredTop", "d"), ("EnteredTop", "c"), ("LeadChanged", "e")]


def test_a_frozen_board_is_not_told_about_until_it_is_revealed() -> None:
    system = System()
    system.table.declare("StarWar", BoardPolicy(freezes_at="2020-04-15T08:26:16Z"))
    system.process(event("a", "90", 1))
    assert system.told == []
    system.table.declare("StarWar", BoardPolicy())
    system.process(event("b", "80", 2))
    assert sorted(system.told) == [
        ("EnteredTop", "StarWar", "a"),
        ("EnteredTop", "StarWar", "b"),
        ("LeadChanged", "StarWar", "a"),
    ]


def test_the_snapshot_of_a_board_that_expires_expires_with_it(system: System) -> None:
    policy = BoardPolicy(kept_until="2999-01-01T00:00:00Z")
    assert "expiresAt" not in system.table.board_items["snapshot/StarWar", "StarWar"]
    system.table.declare("WarCraft", policy)
    system.process(event("a", "90", 5, "WarCraft"))
    assert system.table.board_items["snapshot/WarCraft", "WarCraft"]["expiresAt"] == {"N": str(policy.expires_at)}


def test_a_score_that_reaches_the_top_enters_and_the_last_one_leaves(system: System) -> None:
    system.process(event("d", "75", 5))
    assert system.drain() == [("LeftTop", "c"), ("EnteredTop", "d")]


def test_a_participant_that_falls_behind_leaves_and_the_next_one_enters(system: System) -> None:
    system.process(event("a", "10", 5))
    assert system.drain() == [("LeftTop", "a"), ("EnteredTop", "d"), ("LeadChanged", "b")]


def test_a_removed_participant_leaves_and_an_empty_board_has_no_leader(system: System) -> None:
    system.process(*(event(name, None, 5) for name in "abcd"))
    assert sorted(system.drain()) == [("LeftTop", "a"), ("LeftTop", "b"), ("LeftTop", "c")]


def test_a_tie_neither_leads_nor_enters(system: System) -> None:
    system.process(event("b", "90", 5), event("d", "70", 6))
    assert system.drain() == []


def test_ties_beyond_what_the_index_shows_keep_their_place() -> None:
    system = System(size=1)
    system.process(event("b", "5", 1))
    system.process(event("a", "5", 2), event("c", "5", 3))
    system.table.items = {key: system.table.items[key] for key in sorted(system.table.items)}
    system.drain()
    system.table.indexed = {key: entry for key, entry in system.table.items.items() if key[0] != "b"}
    system.process(event("b", "5", 4, name="another name"))
    assert system.drain() == []


def test_changed_scores_alone_are_not_announced_but_count_from_then_on(system: System) -> None:
    system.process(event("c", "79", 5))
    system.process(event("d", "75", 6))
    assert system.drain() == []


def test_a_board_that_ranks_ascending_is_led_by_the_lowest() -> None:
    system = System()
    system.table.declare("golf", BoardPolicy(order=Order.ASCENDING))
    system.process(*(event(name, str(score), score, "golf") for score, name in enumerate("abcd", 1)))
    assert {one[1] for one in system.drain()} == {"a", "b", "c"}
    system.process(event("d", "0", 9, "golf"))
    assert system.drain() == [("LeftTop", "c"), ("EnteredTop", "d"), ("LeadChanged", "d")]
    system.check()


def test_a_score_that_does_not_count_announces_nothing() -> None:
    system = System()
    system.table.declare("best", BoardPolicy(keep=Keep.BEST, closes_at="2020-04-15T08:26:16Z"))
    system.process(event("a", "90", 1, "best"), event("b", "80", 2, "best"))
    system.drain()
    lower = json.loads(event("a", "10", 3, "best"))
    lower["detail"] |= {"operation": "MODIFY", "old": lower["detail"]["new"] | {"projectScore": 90}}
    assert system.process(json.dumps(lower)).retry_ids == []
    assert system.drain() == []
    system.check()


def test_each_board_has_its_own_top(system: System) -> None:
    system.process(event("a", "1", 5, "WarCraft"), event("d", "99", 6))
    assert ("LeadChanged", "WarCraft", "a") in system.told
    assert ("LeadChanged", "StarWar", "d") in system.told
    system.check()


# ---------------------------------------------------------------- what it costs


def test_changes_below_the_top_cost_one_read_for_all_boards(system: System) -> None:
    calls: list[Call] = []
    processor = system.watched(calls)
    system.process(event("a", "1", 5, "WarCraft"), event("b", "2", 5, "WarCraft"), event("c", "3", 5, "WarCraft"))
    processor.announcements.policies.of(["StarWar", "WarCraft"])  # type: ignore[union-attr]
    processor.leaderboard.shapes.learn(["StarWar", "WarCraft"])
    calls.clear()
    system.process(event("x", "1", 6), event("y", "0", 6, "WarCraft"), processor=processor)
    reads = [request for name, request in calls if name == "batch_get_item" and "boards" in request["RequestItems"]]
    assert len(reads) == 1
    assert Counter(names(calls)) == {"batch_get_item": 2, "transact_write_items": 2, "put_item": 2}  # boards, listed


def test_a_top_that_changed_costs_eight_calls(system: System) -> None:
    calls: list[Call] = []
    processor = system.watched(calls)
    processor.announcements.policies.of(["StarWar"])  # type: ignore[union-attr]
    calls.clear()
    system.process(event("d", "99", 6), processor=processor)
    told = names(calls)[names(calls).index("transact_write_items") + 1 :]
    assert told == [
        "batch_get_item",  # the announced top
        "query",
        "batch_get_item",  # the new top
        "put_item",  # pending
        "put_events",
        "put_item",  # announced
        "query",
        "batch_get_item",  # still the top
    ]
    reads = [request["RequestItems"] for name, request in calls if name == "batch_get_item"]
    assert all(keys["ConsistentRead"] for request in reads for keys in request.values())


def test_a_batch_of_a_thousand_on_three_boards_is_announced_once_a_board() -> None:
    system, calls = System(10), list[Call]()
    processor = system.watched(calls)
    changes = [event(str(at), str(at % 77), at + 1, f"board{at % 3}") for at in range(1000)]
    system.process(*changes, processor=processor)
    assert Counter(names(calls))["query"] == 3 * 2
    assert Counter(names(calls))["put_events"] == 3 * 2  # ten entered, one leads
    system.check()


def test_a_top_of_zero_entries_announces_nothing_and_reads_nothing() -> None:
    system = System()
    calls: list[Call] = []
    watched = system.watched(calls)
    watched.policies.of(["StarWar"])
    watched.leaderboard.shapes.learn(["StarWar"])
    calls.clear()
    system.process(event("a", "1", 1), processor=replace(watched, announcements=None))
    assert system.told == []
    assert names(calls) == ["put_item", "batch_get_item", "transact_write_items"]


# ---------------------------------------------------------------- what can go wrong


def changes() -> list[str]:
    return [event("d", "99", 5), event("a", None, 6), event("x", "85", 7), event("y", "1", 8)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(12))
def test_a_process_that_ends_at_any_call_leaves_it_to_the_next_delivery(system: System, number: int, when: str) -> None:
    calls: list[Call] = []

    def end(_: Call) -> None:
        if len(calls) == number + 1:
            raise Killed

    ended = False
    try:
        system.process(*changes(), processor=system.watched(calls, **{when: end}))
    except Killed:
        ended = True
    assert ended == (number < len(calls))
    system.process(*changes())
    system.check()
    by_id = {one["id"]: one for one in system.events.details}
    assert all(by_id[one["id"]] == one for one in system.events.details)
    assert set(system.drain()) == {
        ("LeftTop", "a"), ("LeftTop", "c"), ("EnteredTop", "d"), ("EnteredTop", "x"), ("LeadChanged", "d"),
    }  # fmt: skip


def test_only_the_board_whose_events_the_bus_refuses_is_delivered_again(system: System) -> None:
    system.events.refuse_entry = lambda entry: "ThrottlingException" if "WarCraft" in entry["Detail"] else None
    batch = [event("a", "1", 5, "WarCraft"), event("d", "99", 6), event("y", "1", 7)]
    outcome = system.process(*batch)
    assert outcome.retry_ids == ["0"]
    assert outcome.counts == {"applied": 2, "retry": 1}
    assert ("LeadChanged", "d") in system.drain()
    refused = [entry for call in system.events.calls for entry in call if "WarCraft" in entry["Detail"]]
    system.events.refuse_entry = lambda _: None
    assert system.process(batch[0]).retry_ids == []
    assert system.process(batch[0]).retry_ids == []
    assert system.drain() == [("EnteredTop", "a"), ("LeadChanged", "a")]
    assert system.events.taken[-2:] == refused[:2]


def test_only_entries_that_failed_are_published_again_at_once(system: System) -> None:
    codes = iter(["InternalFailure"])
    system.events.refuse_entry = lambda _: next(codes, None)
    assert system.process(event("d", "99", 5)).retry_ids == []
    assert [len(call) for call in system.events.calls[-2:]] == [3, 1]


def test_an_unreachable_bus_blocks_no_entry(system: System) -> None:
    system.events.refuse_call = lambda _: client_error("AccessDeniedException")
    outcome = system.process(event("d", "99", 5))
    assert system.table.scores["d", "StarWar"] == "99"
    assert outcome.retry_ids == ["0"]


def test_a_pending_top_is_announced_before_any_newer_one(system: System) -> None:
    system.events.refuse_call = lambda _: client_error("AccessDeniedException")
    system.process(event("d", "99", 5))
    system.process(event("d", "1", 6))
    system.events.refuse_call = lambda _: None
    system.process(event("y", "0", 7))
    assert [one for one in system.drain() if one[1] == "d"] == [
        ("EnteredTop", "d"), ("LeadChanged", "d"), ("LeftTop", "d"),
    ]  # fmt: skip


def test_a_parked_change_is_not_delivered_again_for_its_board(system: System) -> None:
    system.events.refuse_call = lambda _: client_error("AccessDeniedException")
    system.table.before = lambda action: "ValidationError" if "'9'" in str(action.get("Put")) else None
    outcome = system.process(event("d", "99", 5), event("y", "9", 6))
    assert outcome.retry_ids == ["0"]
    assert outcome.counts["parked"] == 1


def test_an_unreachable_table_leaves_all_boards_to_another_delivery(system: System) -> None:
    def refuse(call: Call) -> None:
        if call[0] == "batch_get_item" and "boards" in call[1]["RequestItems"]:
            raise client_error("AccessDeniedException")

    assert system.process(event("d", "99", 5), processor=system.watched([], before=refuse)).retry_ids == ["0"]


def test_boards_not_begun_in_time_are_left_to_another_delivery(system: System) -> None:
    ticks = count(0, 0.6)
    batch = [event("a", "1", 5, board) for board in ("one", "two", "three")]
    processor = replace(system.processor(clock=lambda: next(ticks)), clock=lambda: 0.0)
    processor = replace(processor, leaderboard=replace(processor.leaderboard, clock=lambda: -inf))
    deliveries = [Delivery(str(at), body) for at, body in enumerate(batch)]
    outcome = processor.process(deliveries, remaining_s=RESERVE_S + 1)
    assert outcome.retry_ids == ["1", "2"]
    system.process(batch[1], batch[2])
    system.check()


# ---------------------------------------------------------------- several consumers


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize(
    "others",
    [
        [event("d", "5", 9)],  # newer than the first process's write
        [event("a", "100", 9)],
        [event("b", None, 9), event("z", "95", 9)],
        [event("x", None, 9), event("d", None, 9)],
    ],
    ids=["demotes", "overtakes", "replaces", "removes"],
)
def test_another_consumer_may_come_between_any_two_calls(
    system: System, number: int, when: str, others: list[str]
) -> None:
    calls: list[Call] = []

    def interfere(_: Call) -> None:
        if len(calls) == number + 1:
            assert system.process(*others).retry_ids == []

    assert system.process(*changes(), processor=system.watched(calls, **{when: interfere})).retry_ids == []
    assert number < len(calls)
    system.check()


@pytest.mark.parametrize("number", range(10))
def test_another_consumer_may_come_between_where_only_scores_change(system: System, number: int) -> None:
    calls: list[Call] = []

    def interfere(_: Call) -> None:
        if len(calls) == number + 1:
            assert system.process(event("b", "5", 9)).retry_ids == []

    assert system.process(event("b", "81", 5), processor=system.watched(calls, before=interfere)).retry_ids == []
    assert number < len(calls)
    system.check()


@pytest.mark.parametrize("is_indexed", [True, False])
def test_an_entry_that_another_process_removes_before_it_is_announced_makes_room_for_the_next(is_indexed: bool) -> None:
    system, calls = System(size=1), list[Call]()

    def remove(_: Call) -> None:
        if names(calls)[-1] == "query" and system.told == []:
            system.table.indexed = None if is_indexed else dict(system.table.items)
            assert system.process(event("a", None, 3)).retry_ids == []

    batch = event("a", "9", 1), event("b", "5", 2)
    assert system.process(*batch, processor=system.watched(calls, after=remove)).retry_ids == []
    assert system.drain() == [("EnteredTop", "b"), ("LeadChanged", "b")]
    system.check()


def test_a_board_that_others_announce_all_the_time_is_left_to_another_delivery(system: System) -> None:
    scores = count(200)

    def overtake(call: Call) -> None:
        if call[0] == "query":
            score = next(scores)
            system.process(event("o", str(score), score))
            system.process(event("p", str(score), score))
            system.process(event("o", None, score + 1))

    outcome = system.process(event("d", "99", 5), processor=system.watched([], after=overtake))
    assert outcome.retry_ids == ["0"]


def test_a_top_that_changes_faster_than_it_is_announced_is_left_to_another_delivery(system: System) -> None:
    sequences = count(100)

    def flap(call: Call) -> None:
        if call[0] == "put_item" and "pending" in call[1]["Item"]:
            at = next(sequences)
            entry = system.table.items["d", "StarWar"]
            system.table.items["d", "StarWar"] = entry | {"projectScore": {"N": str(1 + at % 2 * 1000)}}

    outcome = system.process(event("d", "99", 5), processor=system.watched([], after=flap))
    assert outcome.retry_ids == ["0"]
    assert len([kind for kind, _ in system.drain() if kind == "LeadChanged"]) <= ROUNDS


def test_a_stale_index_hides_no_entry_that_the_batch_wrote(system: System) -> None:
    system.process(event("e", "50", 5), event("f", "40", 6))
    system.table.indexed = dict(system.table.items)
    system.process(event("a", None, 7), event("b", "1", 8), event("x", "65", 9))
    assert set(system.drain()) == {
        ("LeftTop", "a"), ("LeftTop", "b"), ("EnteredTop", "x"), ("EnteredTop", "d"), ("LeadChanged", "c"),
    }  # fmt: skip


def test_the_events_that_the_bus_took_are_counted(system: System) -> None:
    before = len(system.events.taken)
    outcome = system.process(event("d", "75", 5), event("a", "10", 6), event("x", "1", 7, board="WarCraft"))
    assert outcome.announced == len(system.events.taken) - before == 5


def test_the_events_of_a_board_that_must_be_announced_again_count_too(system: System) -> None:
    calls: list[Call] = []

    def refuse(call: Call) -> None:
        if call[0] == "put_item" and calls[-2][0] == "put_events":
            raise client_error("ThrottlingException")

    outcome = system.process(event("d", "75", 5), processor=system.watched(calls, before=refuse))
    assert (outcome.retry_ids, outcome.announced) == (["0"], 2)
