"""Every answer fits into what a function may answer, whatever the table holds."""

import json
from decimal import Decimal

import pytest

from scorecast.api import handler
from scorecast.api.endpoints.participant import NEIGHBOURS_MAX
from scorecast.api.parameters import IDS_MAX, LIMIT_MAX
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.display import (
    ATTRIBUTE_CHARACTERS,
    ATTRIBUTE_NAME_CHARACTERS,
    ATTRIBUTES_MAX,
    AttributeValue,
)
from scorecast.leaderboard.item import NAME_CHARACTERS
from tests.support.api_fakes import FakeTable, serve
from tests.unit.api.test_cursor import LONGEST_SCORE

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ANSWER_BYTES = 6 * 1024 * 1024
# A character that takes more bytes in JSON, or in JSON within JSON, than in UTF-8.
CHARACTERS = ["\0", '"', "\\", "é", "名", "😀", "a"]


def longest(character: str, size_bytes: int, number: int = 0) -> str:
    """Return a text of a size that begins with a number."""
    start = f"{number:03}"
    return start + character * ((size_bytes - len(start)) // len(character.encode()))


def size_of(path: str, **parameters: list[str]) -> int:
    """Return the bytes of an answer as the function's runtime may send it: JSON that holds the body's JSON."""
    answer = handler.handle({"path": path, "multiValueQueryStringParameters": parameters or None}, None)
    assert answer["statusCode"] == 200, answer["body"]
    return len(json.dumps(answer).encode())


@pytest.mark.parametrize("character", CHARACTERS)
def test_an_answer_about_a_board_fits(monkeypatch: pytest.MonkeyPatch, character: str) -> None:
    board = longest(character, BOARD_BYTES)
    ids = [longest(character, ID_BYTES, number) for number in range(LIMIT_MAX + 1)]
    table = FakeTable(
        [(board, one, LONGEST_SCORE) for one in ids],
        names=dict.fromkeys(ids, character * 100_000),
        attributes={one: {"n" * ATTRIBUTE_NAME_CHARACTERS: character * 1000} for one in ids},
    )
    serve(monkeypatch, table)
    sizes = {
        "page": size_of("/leaderBoard", hackathonName=[board], limit=[str(LIMIT_MAX)]),
        "compared": size_of("/leaderBoard", hackathonName=[board], id=ids[:IDS_MAX]),
        "neighbours": size_of(f"/leaderBoard/{board}/participants/{ids[0]}", neighbours=[str(NEIGHBOURS_MAX)]),
        "histogram": size_of(f"/leaderBoard/{board}/histogram"),
    }
    assert max(sizes.values()) <= ANSWER_BYTES / 3, sizes


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_list_of_boards_fits(monkeypatch: pytest.MonkeyPatch, character: str) -> None:
    boards = [longest(character, BOARD_BYTES, number) for number in range(LIMIT_MAX + 1)]
    participant = longest(character, ID_BYTES)
    entries = [(board, participant, LONGEST_SCORE) for board in boards]
    serve(monkeypatch, FakeTable(entries, names={participant: character * 100_000}))
    sizes = {"boards": size_of("/leaderBoard/"), "participant": size_of(f"/participants/{participant}")}
    assert max(sizes.values()) <= ANSWER_BYTES / 3, sizes


def test_the_largest_page_fits_by_arithmetic() -> None:
    """In JSON within JSON a byte of an id takes 7 bytes at most (NUL), a character of a name 14 (two surrogates)."""
    fields = 200 + len(LONGEST_SCORE)
    attributes = 14 * ATTRIBUTE_CHARACTERS + ATTRIBUTES_MAX * (ATTRIBUTE_NAME_CHARACTERS + len('\\"\\": \\"\\", '))
    entry = 7 * ID_BYTES + 14 * NAME_CHARACTERS + attributes + fields
    assert LIMIT_MAX * entry + 7 * BOARD_BYTES <= ANSWER_BYTES / 3


every_answer = pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/leaderBoard", {"hackathonName": "b"}),
        ("/leaderBoard", {"hackathonName": "b", "id": "1"}),
        ("/leaderBoard/b/participants/1", {}),
        ("/leaderBoard/b/participants/2", {}),
        ("/participants/1", {}),
    ],
)


@every_answer
def test_a_long_name_is_cut_in_every_answer(
    monkeypatch: pytest.MonkeyPatch, path: str, parameters: dict[str, str]
) -> None:
    serve(monkeypatch, FakeTable([("b", "1", "5"), ("b", "2", "6")], names=dict.fromkeys("12", "n" * 500)))
    body = handler.handle({"path": path, "queryStringParameters": parameters}, None)["body"]
    assert f'"{"n" * NAME_CHARACTERS}"' in body
    assert "n" * (NAME_CHARACTERS + 1) not in body


@every_answer
def test_what_a_stack_shows_of_an_item_is_in_every_answer(
    monkeypatch: pytest.MonkeyPatch, path: str, parameters: dict[str, str]
) -> None:
    shown: dict[str, AttributeValue] = {"team": "Lynx", "level": Decimal("12.50"), "pro": True}
    serve(monkeypatch, FakeTable([("b", "1", "5"), ("b", "2", "6")], attributes={"1": shown}))
    body = handler.handle({"path": path, "queryStringParameters": parameters}, None)["body"]
    assert body.count('"attributes": {"level": 12.50, "pro": true, "team": "Lynx"}') == 1
    assert body.count('"attributes"') == 1
