import json
from pathlib import Path

from scorecast.leaderboard.closing import Closing
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.standings.announce.board_closed import FinalStandings, board_closed
from scorecast.twin.event_limits import CALL_BYTES

CLOSING = Closing("StarWar~2020-W16", "2020-04-20T00:00:00Z")
WEEK = BoardPolicy(closes_at=CLOSING.closes_at, base="StarWar", starts_at="2020-04-13T00:00:00Z")


def final(*entries: StoredEntry) -> FinalStandings:
    return FinalStandings(CLOSING, WEEK, 50, len(entries), entries)


def test_the_sample_is_such_an_event() -> None:
    sample = json.loads((Path(__file__).parents[4] / "events" / "boardClosedEvent.json").read_text(encoding="utf-8"))
    entries = [entry("6", "95", name="userF"), entry("2", "90", name="userB")]
    told = board_closed(FinalStandings(CLOSING, WEEK, 10, 2, entries))
    assert (told.kind, told.detail) == (sample["detail-type"], sample["detail"])


def entry(participant: str, score: str, **more: object) -> StoredEntry:
    return StoredEntry(participant, CLOSING.board, "1", "2020-04-15T08:26:16Z", score, **more)  # type: ignore[arg-type]


def test_the_event_says_of_which_period_it_is_and_when_it_closed() -> None:
    told = board_closed(final()).entry("bus")
    detail = json.loads(told["Detail"])
    assert (detail["base"], detail["startsAt"], detail["at"]) == ("StarWar", WEEK.starts_at, CLOSING.closes_at)
    assert "attribute" not in detail
    assert told["Time"] == 1587340800


def test_the_id_follows_from_the_board_and_the_time_only() -> None:
    one, two = (board_closed(each).detail["id"] for each in (final(), final(entry("a", "1"))))
    assert one == two
    later = FinalStandings(Closing(CLOSING.board, "2020-04-21T00:00:00Z"), WEEK, 50, 0, [])
    assert board_closed(later).detail["id"] != one


def test_numbers_that_json_cannot_hold_have_hints() -> None:
    exact = "0.12345678901234567"
    [shown] = (told := board_closed(final(entry("a", exact))).detail)["entries"]
    assert told["types"] == {"/entries/0/projectScore": {"N": exact}}
    assert shown == {"rank": 1, "id": "a", "projectScore": float(exact)}


def test_attributes_are_shown() -> None:
    [shown] = board_closed(final(entry("a", "1", name="A", attributes=(("team", "Lynx"), ("us", True))))).detail[
        "entries"
    ]
    assert shown["attributes"] == {"team": "Lynx", "us": True}


def test_the_largest_event_fits_into_a_call() -> None:
    largest = [
        entry(f"{at:02}" + "\x00" * 2046, "1", name="\x00" * 128, attributes=(("t", "\x00" * 256),)) for at in range(50)
    ]
    assert len(board_closed(final(*largest)).entry("bus")["Detail"].encode()) < CALL_BYTES
