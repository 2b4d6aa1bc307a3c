"""What an entry shows of its item beside the name: which types, and how much."""

from decimal import Decimal

import pytest

from scorecast.leaderboard.display import (
    ATTRIBUTE_CHARACTERS,
    attributes_of,
    display_value,
    read_display,
)

IMAGE = {
    "age": {"N": "12.50"},
    "avatar": {"S": "https://example.com/a.png"},
    "empty": {"S": ""},
    "nothing": {"NULL": True},
    "photo": {"B": "AAAA"},
    "pro": {"BOOL": False},
    "tags": {"SS": ["a", "b"]},
    "team": {"S": "Lynx"},
    "where": {"M": {"city": {"S": "Berne"}}},
}


def test_texts_numbers_and_booleans_are_shown_and_other_types_are_not() -> None:
    assert dict(attributes_of(IMAGE, [*IMAGE, "missing"])) == {
        "age": Decimal("12.50"),
        "avatar": "https://example.com/a.png",
        "pro": False,
        "team": "Lynx",
    }


def test_only_declared_attributes_are_shown() -> None:
    assert attributes_of(IMAGE, ["team"]) == (("team", "Lynx"),)
    assert attributes_of(IMAGE, []) == ()


def test_a_text_is_cut_where_the_attributes_before_it_leave_no_room() -> None:
    image = {"a": {"S": "x" * 200}, "b": {"S": "y" * 200}, "c": {"S": "z"}}
    assert attributes_of(image, ["a", "b", "c"]) == (("a", "x" * 200), ("b", "y" * (ATTRIBUTE_CHARACTERS - 200)))
    assert attributes_of(image, ["c", "b", "a"]) == (("a", "x" * 55), ("b", "y" * 200), ("c", "z"))


@pytest.mark.parametrize("value", [{"N": "1" * 38}, {"BOOL": True}])
def test_a_number_or_a_boolean_without_room_is_left_out_not_cut(value: dict[str, object]) -> None:
    image = {"a": {"S": "x" * (ATTRIBUTE_CHARACTERS - 3)}, "b": value, "c": {"S": "last"}}
    assert attributes_of(image, ["a", "b", "c"]) == (("a", "x" * (ATTRIBUTE_CHARACTERS - 3)), ("c", "las"))


def test_a_text_that_somebody_wrote_into_the_table_is_cut_when_it_is_read() -> None:
    value = display_value("userA", (("team", "x" * 100_000),))
    assert read_display(value) == ("userA", (("team", "x" * ATTRIBUTE_CHARACTERS),))


@pytest.mark.parametrize("value", [None, {}, {"N": "5"}, {"M": {}}, {"M": {"name": {"NULL": True}}}])
def test_a_value_that_scorecast_does_not_write_has_no_name_and_no_attributes(value: dict[str, object] | None) -> None:
    assert read_display(value) == (None, ())
