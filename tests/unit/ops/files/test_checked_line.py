"""A line of an import: what it writes, or each of its faults."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from scorecast.ops.files.board_file import RawLine
from scorecast.ops.files.checked_line import CheckedLine, check_line
from scorecast.ops.stack.main_table import MainTable, main_table_of
from tests.support.import_lines import POLICIES, row, showing, with_attributes
from tests.support.ops_fakes import fake_stack
from tests.support.recovery_fakes import RecoveryTables


@pytest.fixture
def main() -> MainTable:
    return main_table_of(fake_stack(dynamodb=RecoveryTables()))


def checked(main: MainTable, one: dict[str, Any], board: str | None = None) -> CheckedLine | list[str]:
    found = check_line(RawLine(7, one), main, POLICIES, board)
    return found if isinstance(found, CheckedLine) else [str(fault) for fault in found]


def test_a_good_line_says_what_to_write(main: MainTable) -> None:
    assert checked(main, row("1", "60", "Ann")) == CheckedLine(7, "1", "StarWar", Decimal(60), "Ann")
    assert checked(main, row(score=Decimal("1E39"), name="")) == CheckedLine(7, "1", "StarWar", Decimal("1E39"))


def test_the_board_that_is_given_is_the_one_of_all_lines(main: MainTable) -> None:
    without = {"id": "1", "projectScore": "60"}
    assert checked(main, without, "Golf") == checked(main, row(), "Golf") == CheckedLine(7, "1", "Golf", Decimal(60))
    assert checked(main, without) == ["line 7: hackathonName is missing; --board names the board of all lines"]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"id": ""}, "id is ''; it must be a text of 1 to 2,048 bytes of UTF-8"),
        ({"id": Decimal(7)}, "id is 7; it must be a text of 1 to 2,048 bytes"),
        ({"id": "名" * 683}, "it must be a text of 1 to 2,048 bytes"),
        ({"id": "\udce9"}, r"id is '\udce9'; it must be a text of 1 to 2,048 bytes of UTF-8"),
        ({"hackathonName": "Chess~2026-W48"}, "hackathonName is 'Chess~2026-W48', which derives from 'Chess'; --board"),
        ({"hackathonName": "x" * 1025}, "it must be a text of 1 to 1,024 bytes"),
        ({"projectScore": "ninety"}, "projectScore is 'ninety'; it must be a number of up to 38 digits"),
        ({"projectScore": ""}, "projectScore is ''; it must be a number"),
        ({"projectScore": None}, "projectScore is null; it must be a number"),
        ({"projectScore": True}, "projectScore is True; it must be a number"),
        ({"projectScore": float("nan")}, "projectScore is nan; it must be a number"),
        ({"projectScore": "1" * 39}, "it must be a number of up to 38 digits"),
        ({"projectScore": "1E126"}, "projectScore is '1E126'; it must be a number"),
        ({"userName": "x" * 129}, "it must be a text of at most 128 characters, or empty"),
        ({"userName": "\udce9"}, "it must be a text of at most 128 characters, or empty"),
        ({"userName": []}, "userName is []; it must be a text"),
    ],
)
def test_a_fault_names_the_line_the_value_and_what_is_allowed(
    main: MainTable, changed: dict[str, Any], fault: str
) -> None:
    [found] = checked(main, row() | changed)  # type: ignore[misc]
    assert str(found).startswith("line 7: ")
    assert fault in str(found)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            {"town": "Bern"},
            "'attributes.town' is not an attribute that the stack shows; it shows team, age, projectScore",
        ),
        ({"age": Decimal("1E126")}, "attributes.age is 1E126; it must be a text, a number of up to 38 digits, true or"),
        ({"team": ["Lynx"]}, "attributes.team is ['Lynx']; it must be a text, a number"),
        ({"team": "x" * 257}, "its attributes have more than 256 characters together"),
        ({"team": "\udce9"}, r"attributes.team is '\udce9'; it must be a text"),
    ],
)
def test_an_attribute_must_be_one_that_the_boards_show_in_full(
    main: MainTable, given: dict[str, Any], fault: str
) -> None:
    [found] = checked(showing(main), with_attributes(row(), **given))  # type: ignore[misc]
    assert str(found).startswith("line 7: ")
    assert fault in str(found)


@pytest.mark.parametrize(
    ("board", "given", "fault"),
    [
        (
            "StarWar",
            {"thenBy.penalty": Decimal(5)},
            "'thenBy.penalty' is not a column of the board 'StarWar'; it has none",
        ),
        (
            "Final",
            {"thenBy.points": Decimal(5)},
            "'thenBy.points' is not a column of the board 'Final'; it has penalty, age",
        ),
        ("Final", {"thenBy.penalty": "soon"}, "thenBy.penalty is 'soon'; it must be a number, or a time such as 2026-"),
        ("Final", {"thenBy.penalty": True}, "thenBy.penalty is True; it must be a number, or a time"),
        ("Final", {"thenBy.penalty": Decimal("1E126")}, "thenBy.penalty is 1E126; it must be a number"),
        (
            "Final",
            {"thenBy.age": Decimal(5), "attributes.age": Decimal(6)},
            "an attribute is in thenBy and in attributes, w",
        ),
    ],
)
def test_a_column_must_be_one_of_the_board(main: MainTable, board: str, given: dict[str, Any], fault: str) -> None:
    [found] = checked(showing(main), row(board=board) | given)  # type: ignore[misc]
    assert fault in str(found)


def test_a_stack_that_shows_no_attributes_takes_none(main: MainTable) -> None:
    [found] = checked(main, with_attributes(row(), team="Lynx"))  # type: ignore[misc]
    assert str(found).endswith("is not an attribute that the stack shows; it shows none (ShowAttributes)")


def test_all_faults_of_a_line_are_named(main: MainTable) -> None:
    found = checked(main, {"id": "", "projectScore": "x", "userName": 1})
    assert isinstance(found, list)
    assert len(found) == 4


def test_a_participant_must_be_a_number_where_the_tables_key_is_one(main: MainTable) -> None:
    numbered = replace(main, key_types=main.key_types | {"id": "N"})
    assert checked(numbered, row("seven")) == ["line 7: The key id of the table main is a number, not 'seven'."]
    assert checked(numbered, row("7.0")) == CheckedLine(7, "7", "StarWar", Decimal(60))
