"""A participant in the tables: items by any key, entries with right counts, snapshots that others save too."""

from dataclasses import replace
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.leaderboard.policy import BoardPolicy, Every, Keep
from scorecast.ops.erasure.tables import ParticipantEntries, has_data, participant_items_of
from tests.support.erasure_system import CLOSED, ErasureSystem, Tables
from tests.support.fakes import client_error, item
from tests.support.standings_fakes import Watched


@pytest.fixture
def system() -> ErasureSystem:
    system = ErasureSystem()
    for participant in ("1", "10", "2"):
        system.put(participant)
    system.put("1", "WarCraft", None)
    return system


@pytest.fixture
def entries(system: ErasureSystem) -> ParticipantEntries:
    return ParticipantEntries(system.consumers.table, "leaderboard", "boards")


# ---------------------------------------------------------------- items


def test_items_are_queried_by_the_partition_key_with_or_without_a_score(system: ErasureSystem) -> None:
    items = participant_items_of(system.stack())
    assert not items.is_scanned
    found = items.find("1")
    assert [items.key_of(one)["metadata"]["S"] for one in found] == ["StarWar", "WarCraft"]
    assert items.entries_of(found) == {("1", "StarWar")}


@pytest.mark.parametrize("value", [{"S": "1"}, {"N": "1"}])
def test_items_are_found_by_a_scan_if_the_id_is_not_the_partition_key(system: ErasureSystem, value: Any) -> None:
    system.main = [item("2") | {"pk": {"S": "a"}}, item("1") | {"pk": {"S": "b"}, "id": value}]
    items = participant_items_of(system.stack(Tables(system, keys=("pk",))))
    assert items.is_scanned
    [found] = items.find("1")
    assert items.key_of(found) == {"pk": {"S": "b"}}
    assert items.find("x") == []


def test_an_item_that_became_another_participants_is_not_deleted(system: ErasureSystem) -> None:
    system.main = [item("1") | {"pk": {"S": "b"}}]
    items = participant_items_of(system.stack(Tables(system, keys=("pk",))))
    [found] = items.find("1")
    system.main = [item("2") | {"pk": {"S": "b"}}]
    assert not items.delete(found)
    assert [one["id"]["S"] for one in system.main] == ["2"]


def test_an_id_that_is_a_number_has_one_spelling(system: ErasureSystem) -> None:
    items = participant_items_of(system.stack(Tables(system, key_type="N")))
    assert [items.canonical(text) for text in ("7.0", "007", "100", "1e3")] == ["7", "7", "100", "1000"]
    with pytest.raises(UserError, match="is a number, not 'x'"):
        items.canonical("x")
    assert participant_items_of(system.stack()).canonical("007") == "007"


def test_another_error_of_a_deletion_is_raised(system: ErasureSystem) -> None:
    def refuse(_: Any) -> None:
        raise client_error("AccessDeniedException")

    items = participant_items_of(system.stack())
    with pytest.raises(Exception, match="AccessDenied"):
        replace(items, dynamodb=Watched(Tables(system), [], before=refuse)).delete(item("1"))


# ---------------------------------------------------------------- entries


@pytest.mark.parametrize("policy", [BoardPolicy(), CLOSED, replace(CLOSED, keep=Keep.BEST)])
def test_an_entry_is_removed_with_its_count_even_if_its_board_has_closed(
    system: ErasureSystem, entries: ParticipantEntries, policy: BoardPolicy
) -> None:
    table = system.consumers.table
    table.declare("StarWar", policy)
    entries.remove(entries.find("1"), None)
    assert set(table.scores) == {("10", "StarWar"), ("2", "StarWar")}
    assert table.counted("StarWar") == 2
    table.check()
    [tombstone] = entries.find("1")
    assert (tombstone.score, tombstone.name, tombstone.named) == (None, None, "")
    assert tombstone.expires_at


def test_a_tombstone_is_newer_than_every_known_change_of_the_participant(
    system: ErasureSystem, entries: ParticipantEntries
) -> None:
    system.is_held = True
    system.put("1", score="70")
    known = entries.find("1")
    newest = (known[0].stream, str(system.sequence).zfill(40))
    entries.remove(known, newest)
    system.is_held = False
    system.sequence -= 1
    system.put("1", score="70")
    assert ("1", "StarWar") not in system.consumers.table.scores


def test_a_corrected_name_does_not_come_back_with_the_tombstone(
    system: ErasureSystem, entries: ParticipantEntries
) -> None:
    table = system.consumers.table
    key = ("1", "StarWar")
    stream = table.items[key]["stream"]["S"]
    table.items[key] |= {"named": {"S": f"{stream} 99 2026-01-01T00:00:00Z"}, "userName": {"S": "Zoe"}}
    entries.remove(entries.find("1"), None)
    assert table.items[key].keys() == {"id", "metadata", "stream", "sequence", "at", "expiresAt"}


def test_a_name_that_came_before_its_entry_is_data_too(system: ErasureSystem, entries: ParticipantEntries) -> None:
    system.consumers.table.declare("Golf", BoardPolicy(every=Every.DAY))
    system.put("3", "Golf", userName={"S": "Ann"})
    system.consumers.table.items.pop(("3", "Golf~2020-04-15"))
    system.put("3", "Golf", userName={"S": "Zoe"})
    named = [entry for entry in entries.find("3") if entry.score is None]
    assert [(entry.board, entry.name, has_data(entry)) for entry in named] == [("Golf~2020-04-15", "Zoe", True)]
    entries.remove(entries.find("3"), None)
    assert [has_data(entry) for entry in entries.find("3")] == [False, False]


def test_an_entry_that_cannot_be_removed_is_reported(system: ErasureSystem, entries: ParticipantEntries) -> None:
    system.consumers.table.before = lambda _: "ValidationError"
    with pytest.raises(UserError, match="1 entries could not be removed"):
        entries.remove(entries.find("1"), None)


# ---------------------------------------------------------------- snapshots


def test_the_snapshots_that_name_a_participant_are_found_and_left(
    system: ErasureSystem, entries: ParticipantEntries
) -> None:
    system.put("1", "Golf")
    assert sorted(entries.snapshots_with("1")) == ["Golf", "StarWar"]
    entries.leave_snapshot("StarWar", "1")
    assert entries.snapshots_with("1") == ["Golf"]
    assert entries.snapshots_with("10") == ["StarWar"]
    entries.leave_snapshot("StarWar", "1")


def test_the_snapshots_of_derived_boards_and_of_boards_that_nobody_lists_are_read_too(
    system: ErasureSystem, entries: ParticipantEntries
) -> None:
    system.consumers.table.declare("Golf", BoardPolicy(every=Every.DAY))
    system.put("1", "Golf")
    assert "Golf~2020-04-15" in entries.snapshots_with("1")
    for key in [key for key in system.consumers.table.board_items if key[0] in ("boards", "policies")]:
        del system.consumers.table.board_items[key]
    assert sorted(entries.snapshots_with("1")) == ["Golf", "Golf~2020-04-15", "StarWar"]


def test_a_snapshot_that_another_process_saves_meanwhile_is_read_again(
    system: ErasureSystem, entries: ParticipantEntries
) -> None:
    saves = iter(["3", "4"])

    def save_first(call: Any) -> None:
        if call[0] == "put_item" and (participant := next(saves, None)):
            system.put(participant, score="99")

    watched = Watched(system.consumers.table, [], before=save_first)
    replace(entries, dynamodb=watched).leave_snapshot("StarWar", "1")
    assert entries.snapshots_with("1") == []
    assert entries.snapshots_with("4") == ["StarWar"]


def test_a_snapshot_that_is_saved_all_the_time_is_given_up(system: ErasureSystem, entries: ParticipantEntries) -> None:
    def refuse(call: Any) -> None:
        if call[0] == "put_item":
            raise client_error("ConditionalCheckFailedException")

    watched = Watched(system.consumers.table, [], before=refuse)
    with pytest.raises(UserError, match="saved again and again"):
        replace(entries, dynamodb=watched).leave_snapshot("StarWar", "1")
