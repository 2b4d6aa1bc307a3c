"""The page on the deployed system: what is written to the main table shows, by itself, and as text."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

HOSTILE = '<img src=x onerror="document.title = 1"><script>alert(1)</script>'


@pytest.fixture
def board() -> str:
    return f"page-{uuid.uuid4()}"


def put(stack: Any, board: str, participant: str, score: str, name: str) -> None:
    stack.client("dynamodb").put_item(
        TableName=stack.outputs["MainTableName"],
        Item={
            "id": {"S": participant},
            "metadata": {"S": board},
            "projectScore": {"N": score},
            "userName": {"S": name},
        },
    )


def open_board(visit: Any, stack: Any, board: str) -> Any:
    tab = visit()
    tab.page.goto(f"{stack.api}#{quote(board)}")
    return tab


def test_it_shows_the_sample_board(visit, stack) -> None:
    tab = open_board(visit, stack, "StarWar")
    tab.wait_for_row("userB", "90")
    shown = {name: score for _, name, score in tab.rows()}
    assert {"userA", "userB", "userC"} <= shown.keys()
    assert "WarCraft" in tab.page.get_by_label("Board").inner_text()
    assert tab.complaints == []


def test_it_follows_a_change_of_the_main_table_by_itself(visit, stack, board: str) -> None:
    put(stack, board, "1", "60", "ann")
    put(stack, board, "2", "70", "bob")
    tab = open_board(visit, stack, board)
    tab.wait_for_row("ann", "60")
    put(stack, board, "1", "95", "ann")
    tab.wait_for_row("ann", "95")
    tab.wait_for_row("bob", "70")
    assert tab.rows() == [("1", "ann", "95"), ("2", "bob", "70")]
    assert [url for url in tab.requests if url.startswith("http") and "leaderBoard" not in url] == [stack.api]


def test_a_hostile_name_is_text(visit, stack, board: str) -> None:
    hostile_board = f"<b>{board}</b>"
    put(stack, hostile_board, "1", "60", HOSTILE)
    tab = open_board(visit, stack, hostile_board)
    tab.wait_for_row(HOSTILE, "60")
    assert tab.rows() == [("1", HOSTILE, "60")]
    assert tab.page.get_by_role("heading").inner_text() == hostile_board
    assert tab.page.locator("main img, main script, main b").count() == 0
    assert tab.page.title() == hostile_board
    # The board has no entry when the page asks first, and the browser notes that 404; nothing else is there to note.
    assert [note for note in tab.complaints if "404" not in note] == []
