"""The page on the deployed system: it shows changes of the main table by itself, and as text."""

from __future__ import annotations

import uuid
from urllib.parse import quote

import pytest

from tests.page.browser import OpenTab, Visit
from tests.support.deployed import Stack

HOSTILE = '<img src=x onerror="document.title = 1"><script>alert(1)</script>'
EXACT = "12345678901234567890123456789012345678"


@pytest.fixture
def board() -> str:
    return f"page-{uuid.uuid4()}"


def put(stack: Stack, board: str, participant: str, score: str, name: str) -> None:
    stack.client("dynamodb").put_item(
        TableName=stack.outputs["MainTableName"],
        Item={
            "id": {"S": participant},
            "metadata": {"S": board},
            "projectScore": {"N": score},
            "userName": {"S": name},
        },
    )


def open_board(visit: OpenTab, stack: Stack, board: str, more: str = "") -> Visit:
    tab = visit()
    tab.page.goto(f"{stack.api}#{quote(board, safe='')}{more}")
    return tab


def test_it_shows_the_sample_board(visit: OpenTab, stack: Stack) -> None:
    tab = open_board(visit, stack, "StarWar")
    tab.wait_for_row("userB", "90")
    shown = {name: score for _, name, score in tab.rows()}
    assert {"userA", "userB", "userC"} <= shown.keys()
    assert "WarCraft" in tab.page.get_by_label("Board").inner_text()
    assert tab.complaints == []


def test_it_follows_a_change_of_the_main_table_by_itself(visit: OpenTab, stack: Stack, board: str) -> None:
    put(stack, board, "1", "60", "ann")
    put(stack, board, "2", "70", "bob")
    tab = open_board(visit, stack, board, "&id=1")
    tab.wait_for_row("ann", "60")
    tab.wait_for_row("bob", "70")
    tab.wait_for_text("#found-rank", "2 of 2")
    put(stack, board, "1", "95", "ann")
    tab.wait_for_row("ann", "95")
    assert tab.rows() == [("1", "ann", "95"), ("2", "bob", "70")]
    tab.page.locator("#entries .rose .mark").filter(has_text="▲1").wait_for()
    tab.wait_for_text("#found-rank", "1 of 2")
    tab.wait_for_text("#placed", "ann is in the range 94 to 96")
    assert tab.text("#updated").startswith("last change ")
    assert [url for url in tab.requests if url.startswith("http") and "leaderBoard" not in url] == [stack.api]
    # The board may have no entry at the first request, and the browser logs that 404; it logs nothing else.
    assert [note for note in tab.complaints if "404" not in note] == []


def test_what_has_not_changed_travels_as_304(visit: OpenTab, stack: Stack, board: str) -> None:
    put(stack, board, "1", EXACT, "ann")
    tab = open_board(visit, stack, board)
    tab.wait_for_row("ann", "12,345,678,901,234,567,890,123,456,789,012,345,678")
    with tab.page.expect_response(lambda response: response.status == 304 and "hackathonName" in response.url):
        pass
    assert tab.text("#state") == "Live"


def test_a_hostile_name_is_text(visit: OpenTab, stack: Stack, board: str) -> None:
    hostile_board = f"<b>{board}</b>/?&#%"
    put(stack, hostile_board, "../1?#", "60", HOSTILE)
    tab = open_board(visit, stack, hostile_board)
    tab.wait_for_row(HOSTILE, "60")
    assert tab.rows() == [("1", HOSTILE, "60")]
    assert tab.text("h1") == hostile_board
    tab.page.get_by_role("link", name="<img").click()
    tab.wait_for_text("#found-rank", "1 of 1")
    assert tab.page.locator("main img, main script, main b").count() == 0
    assert tab.page.title() == f"{hostile_board} · Scorecast"
    assert [note for note in tab.complaints if "404" not in note] == []


def test_the_content_security_policy_refuses_an_injected_script(visit: OpenTab, stack: Stack) -> None:
    tab = open_board(visit, stack, "StarWar")
    tab.wait_for_row("userB", "90")
    assert tab.complaints == []
    tab.page.evaluate("""
        const made = document.createElement("script");
        made.textContent = "document.title = 'broken in'";
        document.body.append(made);
    """)
    assert tab.page.title() == "StarWar · Scorecast"
    assert any("Content Security Policy" in note for note in tab.complaints)
