"""The two formats of a board's file: what they look like, and what is wrong with a line."""

import io
from collections.abc import Sequence
from decimal import Decimal
from itertools import count, islice
from typing import Any

import pytest

from scorecast.ops.files.board_file import FIELDS, POSITION, Format, RawLine, read_lines, shown, write_lines

ROW: dict[str, Any] = {
    "hackathonName": "Star, War",
    "rank": 1,
    "position": 1,
    "id": "7",
    "userName": 'Ann "A"\r\nB',
    "projectScore": Decimal("1E+39"),
}


def lines_of(text: str, form: Format) -> list[RawLine]:
    return list(read_lines(io.StringIO(text, newline=""), form))


def flaws_of(text: str, form: Format) -> list[tuple[int, str]]:
    return [(line.number, line.flaw) for line in lines_of(text, form) if line.flaw]


def test_csv_has_a_line_of_names_and_quotes_what_needs_it() -> None:
    fields = [name for name in FIELDS if name != POSITION]
    text = "".join(write_lines([ROW], fields, Format.CSV))
    assert text == ('hackathonName,rank,id,userName,projectScore\r\n"Star, War",1,7,"Ann ""A""\r\nB",1E39\r\n')


def test_json_is_an_object_a_line_with_all_digits() -> None:
    row = ROW | {"userName": None, "projectScore": Decimal("0." + "1" * 38)}
    assert "".join(write_lines([row, row], ("id", "userName", "projectScore"), Format.JSON)) == (
        2 * f'{{"id": "7", "userName": null, "projectScore": 0.{"1" * 38}}}\n'
    )


def test_nothing_is_read_before_it_is_written() -> None:
    """A file of any length needs the memory of a line."""
    rows = (ROW | {"rank": at} for at in count())
    assert [*islice(write_lines(rows, ("rank",), Format.CSV), 3)] == ["rank\r\n", "0\r\n", "1\r\n"]


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize(
    "name", ["", " ", "a,b", 'q"q', "a\nb", "a\rb", "a\r\nb", "\x00", "\ufeff", "\u2028", "名", "'=1+1"]
)
def test_any_name_is_read_as_it_was_written(form: Format, name: str) -> None:
    text = "".join(write_lines([ROW | {"userName": name}] * 2, FIELDS, form))
    assert [line.row["userName"] for line in lines_of(text, form)] == [name] * 2


def test_json_nests_columns_and_attributes_as_the_api_does() -> None:
    row = {"id": "1", "thenBy.penalty": Decimal(880), "attributes.team": "Lynx", "attributes.age": None}
    [text] = write_lines([row], list(row), Format.JSON)
    assert text == '{"id": "1", "thenBy": {"penalty": 880}, "attributes": {"team": "Lynx"}}\n'
    [line] = lines_of(text, Format.JSON)
    assert line.row == {"id": "1", "thenBy.penalty": Decimal(880), "attributes.team": "Lynx"}
    [text] = write_lines([row | {"attributes.team": None, "thenBy.penalty": None}], list(row), Format.JSON)
    assert text == '{"id": "1"}\n'


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize(
    "value",
    [
        *("Lynx", "12", " 12", "007", "true", "null", "NaN", '"q"', '"', "[1]", "1e5", "a,b\n"),
        *(True, False, Decimal(0), Decimal(1), Decimal("-1E-130"), Decimal("1" * 38)),
    ],
)
def test_any_attribute_is_read_as_it_was_written(form: Format, value: Any) -> None:
    fields = ["id", "projectScore", "attributes.it"]
    text = "".join(write_lines([dict(zip(fields, ("1", Decimal(5), value), strict=True))], fields, form))
    [line] = lines_of(text, form)
    found = line.row["attributes.it"]
    assert (type(found), found) == (type(value), value)


def test_a_plain_attribute_is_plain_in_csv() -> None:
    fields = ["id", "attributes.age", "attributes.team"]
    rows = [dict(zip(fields, ("1", age, "Lynx"), strict=True)) for age in (Decimal(9), "9", None)]
    assert [*write_lines(rows, fields, Format.CSV)][1:] == ["1,9,Lynx\r\n", '1,"""9""",Lynx\r\n', "1,,Lynx\r\n"]


def test_a_line_of_csv_is_known_by_the_first_of_its_lines() -> None:
    text = 'id,userName,projectScore\n1,"a\nb\nc",60\n\n2,d,70\n'
    assert [(line.number, line.row["id"]) for line in lines_of(text, Format.CSV)] == [(2, "1"), (6, "2")]


@pytest.mark.parametrize(
    ("text", "flaws"),
    [
        ("", []),
        ("\n\n", []),
        ("id,projectScore\n1\n", [(2, "it has 1 fields; the first line names 2")]),
        ("id,projectScore\n1,2,3\n4,5\n", [(2, "it has 3 fields; the first line names 2")]),
        (
            "1,60\n",
            [(1, "the first line must name the columns, and id and projectScore among them; it is ['1', '60']")],
        ),
        ("id,id,projectScore\n1,1,60\n", [(1, "the column id is there twice")]),
        (
            "id,projectScore,team\n",
            [(1, f"'team' is not a field; the fields are {', '.join(FIELDS)}, thenBy.NAME, attributes.NAME")],
        ),
        ('id,projectScore\n"1"2,60\n3,4\n', [(2, "this is not CSV (',' expected after '\"')")]),
        ('id,projectScore\n"1,60\n', [(2, "this is not CSV (unexpected end of data)")]),
    ],
)
def test_what_is_wrong_with_a_line_of_csv(text: str, flaws: Sequence[tuple[int, str]]) -> None:
    found = flaws_of(text, Format.CSV)
    assert [(number, flaw.partition("; a quotation mark")[0]) for number, flaw in found] == flaws


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("ninety\n", "'ninety' is not a JSON object; each line must be one"),
        ("[]\n", "'[]' is not a JSON object"),
        ("[" * 100_000 + "\n", "is not a JSON object"),
        ('{"id": 1e9999999999999999999}\n', "is not a JSON object"),
        ('{"attributes": [1]}\n', "attributes is [Decimal('1')]; it must be an object"),
        ('{"id": "1", "Score": 1}\n', f"'Score' is not a field; the fields are {', '.join(FIELDS)}"),
    ],
)
def test_what_is_wrong_with_a_line_of_json(text: str, flaw: str) -> None:
    [(number, found)] = flaws_of('\n{"id": "1"}\n' + text, Format.JSON)
    assert number == 3
    assert flaw in found


def test_a_value_in_a_message_is_short() -> None:
    assert len(shown("x" * 1000)) == 60
