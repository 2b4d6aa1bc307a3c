import json
from typing import Any

import pytest

from scorecast.standings.announce.standing_event import SCHEMA, SOURCE, StandingEvent, events_of, ranks_of
from scorecast.standings.announce.top import Snapshot, TopEntry

AT = "2026-01-01T00:00:00.5Z"
A, B, C = TopEntry("a", "90", "Anna"), TopEntry("b", "80"), TopEntry("c", "70")


def told(old: tuple[TopEntry, ...], new: tuple[TopEntry, ...], version: int = 9) -> list[StandingEvent]:
    return list(events_of(Snapshot("StarWar", version, old, new, 3, AT)))


def shown(old: tuple[TopEntry, ...], new: tuple[TopEntry, ...]) -> list[tuple[Any, ...]]:
    details = [(one.kind, one.detail) for one in told(old, new)]
    return [(kind, one["participant"]["id"], one["previousRank"], one["rank"]) for kind, one in details]


def test_a_first_entry_enters_and_leads() -> None:
    assert shown((), (A,)) == [("EnteredTop", "a", None, 1), ("LeadChanged", "a", None, 1)]
    assert "previousLeader" not in told((), (A,))[1].detail


def test_one_participant_leaves_and_another_enters() -> None:
    assert shown((A, B), (A, C)) == [("LeftTop", "b", 2, None), ("EnteredTop", "c", None, 2)]


def test_the_event_of_a_new_leader_has_both_ranks_of_both_leaders() -> None:
    [event] = told((A, B), (TopEntry("b", "95"), A))
    assert (event.kind, event.detail["previousRank"], event.detail["rank"]) == ("LeadChanged", 2, 1)
    assert event.detail["previousLeader"] == {"id": "a", "userName": "Anna", "projectScore": 90, "rank": 2}


def test_a_removed_leader_has_its_last_score_and_no_rank() -> None:
    assert shown((A, B), (B,)) == [("LeftTop", "a", 1, None), ("LeadChanged", "b", 2, 1)]
    assert told((A, B), (B,))[1].detail["previousLeader"]["rank"] is None
    assert told((A, B), (B,))[0].detail["participant"]["projectScore"] == 90


def test_a_previous_leaders_score_is_its_current_one() -> None:
    [event] = told((A, B), (B, TopEntry("a", "10")))
    assert event.detail["previousLeader"]["projectScore"] == 10


def test_an_empty_board_has_no_leader() -> None:
    assert shown((A,), ()) == [("LeftTop", "a", 1, None)]


def test_another_order_below_the_leader_makes_no_event() -> None:
    assert shown((A, B, C), (A, C, B)) == []


def test_ties_share_their_rank() -> None:
    assert ranks_of((A, B, TopEntry("d", "80.0"), C)) == {"a": 1, "b": 2, "d": 2, "c": 4}


def test_an_event_has_every_field_of_the_contract() -> None:
    [event, _] = told((), (A,))
    assert event.detail == {
        "schema": SCHEMA,
        "id": event.detail["id"],
        "hackathonName": "StarWar",
        "participant": {"id": "a", "userName": "Anna", "projectScore": 90},
        "rank": 1,
        "previousRank": None,
        "top": 3,
        "sequence": 9,
        "at": AT,
    }
    entry = event.entry("fanoutBus")
    assert json.loads(entry.pop("Detail")) == event.detail
    assert entry == {"Source": SOURCE, "DetailType": "EnteredTop", "Time": 1767225600.5, "EventBusName": "fanoutBus"}


def test_a_number_that_plain_json_may_round_has_a_hint() -> None:
    exact = "12345678901234567890.5"
    [_, event] = told((TopEntry("a", exact),), (TopEntry("b", "1" + exact), TopEntry("a", exact)))
    assert event.detail["types"] == {
        "/participant/projectScore": {"N": "1" + exact},
        "/previousLeader/projectScore": {"N": exact},
    }


def test_a_score_that_no_64_bit_integer_holds_has_an_exponent() -> None:
    score = "1" + "0" * 20
    [_, event] = told((), (TopEntry("a", score),))
    assert '"projectScore":1e+20' in event.entry("fanoutBus")["Detail"]
    assert event.detail["types"] == {"/participant/projectScore": {"N": score}}


def test_an_id_is_stable_and_unique() -> None:
    def id_of(event: StandingEvent) -> Any:
        return event.detail["id"]

    assert told((A, B), (C,)) == told((A, B), (C,))
    once = [id_of(event) for event in told((), (A, B, C))]
    later = [id_of(event) for event in told((), (A, B, C), version=10)]
    assert len({*once, *later}) == 8


@pytest.mark.parametrize("name", ["名" * 128, None])
def test_ten_events_fit_into_a_call(name: str | None) -> None:
    old, new = (TopEntry("名" * 682, "1", name),), (TopEntry("册" * 682, "2", name), TopEntry("名" * 682, "1", name))
    largest = max(len(json.dumps(one.detail).encode()) for one in events_of(Snapshot("b" * 1024, 1, old, new, 50, AT)))
    assert 10 * largest < 256 * 1024
