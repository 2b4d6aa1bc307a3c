from dataclasses import replace
from typing import Any

import pytest

from scorecast.changes.change import from_record
from scorecast.errors import CannotApply
from scorecast.leaderboard.item import NAME_CHARACTERS
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.entry import Entry, entries_of, newest
from tests.support.fakes import item, record

NAMES = AttributeNames()


def written(
    new: dict[str, Any] | None = None, old: dict[str, Any] | None = None, names: AttributeNames = NAMES
) -> list[tuple[Any, ...]]:
    return [(entry.key, entry.score) for entry in entries_of(from_record(record(new, old)), names)]


def test_an_insert_writes_the_entry_with_the_name_and_the_order() -> None:
    [entry] = entries_of(from_record(record(item(score="12.5"), sequence=9)), NAMES)
    assert entry == Entry(
        "1",
        "StarWar",
        "9".zfill(40),
        "2020-04-15T08:26:16Z",
        "12.5",
        "userA",
        is_first=True,
        score_changed=True,
        before="0",
        stream="2026-01-01T00:00:00.000",
    )


def test_a_longer_name_is_cut() -> None:
    [entry] = entries_of(from_record(record(item(name="名" * 100_000))), NAMES)
    assert entry.name == "名" * NAME_CHARACTERS


def test_a_remove_leaves_a_tombstone() -> None:
    assert written(None, item()) == [(("1", "StarWar"), None)]


def test_a_removed_score_leaves_a_tombstone() -> None:
    assert written(item(score=None), item()) == [(("1", "StarWar"), None)]


def test_a_renamed_board_leaves_a_tombstone_on_the_old_one() -> None:
    new = item() | {"hackathonName": {"S": "WarCraft"}}
    assert written(new, item()) == [(("1", "StarWar"), None), (("1", "WarCraft"), "60")]


def test_an_item_without_a_board_is_on_the_board_that_its_metadata_names() -> None:
    new = item()
    del new["hackathonName"]
    assert written(new) == [(("1", "StarWar"), "60")]


def test_an_item_of_another_kind_writes_no_entry() -> None:
    assert written(item(score=None)) == []
    assert written(item(score=None), item(score=None)) == []


def test_a_number_for_the_id_is_kept_as_its_text() -> None:
    assert written(item() | {"id": {"N": "42"}}) == [(("42", "StarWar"), "60")]


@pytest.mark.parametrize("score", ["0", "-17", "99999999999999999999999999999999999999", "0.00000000000000000001"])
def test_every_number_is_a_score(score: str) -> None:
    assert written(item(score=score)) == [(("1", "StarWar"), score)]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"projectScore": {"S": "sixty"}}, r"projectScore is 'sixty' \(type S\); a score is a number"),
        ({"projectScore": {"NULL": True}}, "type NULL"),
        ({"hackathonName": {"N": "5"}}, r"hackathonName is '5' \(type N\)"),
        ({"hackathonName": {"S": ""}}, "board's name is a text"),
        ({"hackathonName": {"S": "名" * 342}}, "1026 bytes; DynamoDB keys hold 1024"),
        ({"id": {"B": "AAEC"}}, "type B"),
    ],
)
def test_an_item_that_can_never_be_an_entry_is_refused_with_the_reason(broken: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotApply, match=reason):
        written(item() | broken)


def test_an_item_whose_score_was_unusable_still_leaves_a_tombstone() -> None:
    assert written(None, item() | {"projectScore": {"S": "sixty"}}) == [(("1", "StarWar"), None)]


def test_an_item_that_could_not_be_an_entry_leaves_no_tombstone() -> None:
    assert written(None, item() | {"hackathonName": {"N": "5"}}) == []


def test_a_name_that_is_a_number_is_its_text_and_any_other_type_is_ignored() -> None:
    def name(value: dict[str, Any]) -> str | None:
        return entries_of(from_record(record(item() | {"userName": value})), NAMES)[0].name

    assert name({"N": "7"}) == "7"
    assert name({"L": []}) is None


def test_the_main_tables_attributes_can_have_other_names() -> None:
    names = AttributeNames(id="player", metadata="kind", score="points", board="game", name="nick")
    image = {"player": {"S": "p"}, "kind": {"S": "k"}, "points": {"N": "3"}, "game": {"S": "chess"}}
    made = record(item()) | {}
    made["dynamodb"] |= {"Keys": {"player": {"S": "p"}, "kind": {"S": "k"}}, "NewImage": image}
    assert [entry.key for entry in entries_of(from_record(made), names)] == [("p", "chess")]


def test_of_several_writes_to_a_key_the_newest_is_kept_in_any_order() -> None:
    first, second, other = (Entry("1", "b", "1", ""), Entry("1", "b", "2", ""), Entry("2", "b", "1", ""))
    for order in ([first, second, other], [second, other, first]):
        assert newest(order) == {("1", "b"): second, ("2", "b"): other}


@pytest.mark.parametrize(
    ("new", "old", "is_first"),
    [
        (item(), None, True),
        (item(), item(score="5"), False),
        (item(), item(score=None), True),
        (item(), item(board="WarCraft"), True),
        (item(), item() | {"projectScore": {"S": "many"}}, True),
    ],
    ids=["a new item", "another score", "a first score", "another board", "a score that was unusable"],
)
def test_an_entry_is_first_if_the_item_made_none_before(
    new: dict[str, Any], old: dict[str, Any] | None, *, is_first: bool
) -> None:
    assert entries_of(from_record(record(new, old)), NAMES)[-1].is_first is is_first


def test_a_read_item_is_never_a_first_entry() -> None:
    change = replace(from_record(record(item())), operation="READ")
    assert [entry.is_first for entry in entries_of(change, NAMES)] == [False]
