"""An entry and its item in the leaderboard table convert into each other without loss."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.item import (
    NAME_CHARACTERS,
    StoredEntry,
    is_entry,
    item_key,
    make_item,
    range_update,
    read_item,
)
from tests.support.expressions import meets, updated

ENTRY = StoredEntry("2", "StarWar", "7", "2026-01-01T00:00:00Z", "90", "userB")
texts = st.text(min_size=1)
numbers = st.integers(-(10**30), 10**30).map(Decimal)
entries = st.builds(
    StoredEntry,
    *(texts, texts, texts, texts),
    score=st.integers().map(str),
    name=st.none() | st.text(max_size=NAME_CHARACTERS),
    history=st.text(),
    tie_order=st.text(),
    range=st.text(),
    attributes=st.dictionaries(texts, st.text(min_size=1, max_size=20) | st.booleans() | numbers, max_size=8).map(
        lambda found: tuple(sorted(found.items()))
    ),
)
tombstones = st.builds(StoredEntry, texts, texts, texts, texts, expires_at=st.none() | st.integers(0))


@given(entries | tombstones)
def test_an_entry_comes_back_from_its_item(entry: StoredEntry) -> None:
    item = make_item(entry)
    assert read_item(item) == entry
    assert is_entry(item) is (entry.score is not None)
    assert item.items() >= item_key(*entry.key).items()


def test_an_entry_is_in_the_index_by_score_under_the_names_of_the_data_model() -> None:
    assert make_item(ENTRY) == {
        "id": {"S": "2"},
        "metadata": {"S": "StarWar"},
        "hackathonName": {"S": "StarWar"},
        "projectScore": {"N": "90"},
        "userName": {"S": "userB"},
        "sequence": {"S": "7"},
        "at": {"S": "2026-01-01T00:00:00Z"},
    }


def test_the_range_in_which_an_entry_is_counted_is_in_no_index() -> None:
    item = make_item(replace(ENTRY, range="1A"))
    assert item == make_item(ENTRY) | {"range": {"S": "1A"}}


def test_an_entry_names_another_range_only_if_its_place_in_the_order_is_unchanged() -> None:
    update = range_update(replace(ENTRY, tie_order="90/7", range="1A"), "1B")
    item = make_item(replace(ENTRY, tie_order="90/7", range="1A"))
    assert updated(item, update) == item | {"range": {"S": "1B"}}
    assert meets(item, update)
    assert not meets(item | {"projectScore": {"N": "91"}}, update)
    assert not meets(item | {"tieOrder": {"S": "90/8"}}, update)
    assert not meets(None, update)


def test_an_entry_without_a_place_among_ties_gets_one_with_its_range_unless_it_has_one_by_now() -> None:
    update = range_update(ENTRY, "1B", tie_order="90/7")
    assert updated(make_item(ENTRY), update) == make_item(replace(ENTRY, tie_order="90/7", range="1B"))
    assert meets(make_item(ENTRY), update)
    assert not meets(make_item(replace(ENTRY, tie_order="90/6")), update)


def test_a_tombstone_is_in_no_index() -> None:
    item = make_item(StoredEntry("2", "StarWar", "7", "2026-01-01T00:00:00Z", expires_at=5))
    assert set(item) == {"id", "metadata", "sequence", "at", "expiresAt"}
    with pytest.raises(ValueError, match="A tombstone has no score"):
        _ = read_item(item).number


def test_a_longer_name_in_the_table_is_cut_when_it_is_read() -> None:
    item = make_item(ENTRY) | {"userName": {"S": "名" * 100_000}}
    assert read_item(item).name == "名" * NAME_CHARACTERS


def test_attributes_are_stored_with_the_name_which_both_indexes_project() -> None:
    shown = (("age", Decimal("12.5")), ("pro", True), ("team", "Lynx"))
    item = make_item(replace(ENTRY, attributes=shown))
    assert set(item) == set(make_item(ENTRY))
    assert item["userName"] == {
        "M": {
            "name": {"S": "userB"},
            "attributes": {"M": {"age": {"N": "12.5"}, "pro": {"BOOL": True}, "team": {"S": "Lynx"}}},
        }
    }
    assert read_item(item).name == "userB"
    assert read_item(item).attributes == shown


def test_an_entry_may_have_attributes_and_no_name() -> None:
    entry = replace(ENTRY, name=None, attributes=(("team", "Lynx"),))
    assert read_item(make_item(entry)) == entry


def test_a_score_keeps_all_its_digits() -> None:
    score = "0.12345678901234567890123456789012345678"
    assert read_item(item_key("2", "StarWar") | {"projectScore": {"N": score}}).number == Decimal(score)
