"""The page on a board from which others derive: it switches between them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scorecast.api import reader
from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.policy import BoardPolicy, Every
from tests.page.browser import OpenTab, Visit
from tests.page.leaderboard import Leaderboard, go

BASE = BoardPolicy(every=Every.WEEK, by=("country",))


@pytest.fixture
def chess(leaderboard: Leaderboard, monkeypatch: pytest.MonkeyPatch) -> Leaderboard:
    monkeypatch.setattr(reader, "utc_now", lambda: datetime(2026, 1, 2, 12, tzinfo=UTC))
    leaderboard.table.declare("Chess", BASE)
    for participant, name in (("1", "ann"), ("2", "bob")):
        leaderboard.put("Chess", participant, f"{90 + int(participant)}", name)
    for board, participant, score in (
        ("Chess~2025-W52", "1", "50"),
        ("Chess~2026-W01", "1", "91"),
        ("Chess~2026-W01", "2", "70"),
        ("Chess~country.CN", "1", "91"),
    ):
        policy = policy_by_name(board, {"Chess": BASE})
        assert policy
        leaderboard.table.declare(board, policy)
        leaderboard.put(board, participant, score)
    leaderboard.put("WarCraft", "1", "5")
    return leaderboard


def choose(tab: Visit, words: str) -> None:
    tab.page.locator("#derived").select_option(label=words)
    tab.page.wait_for_function(
        "words => document.querySelector('#derived').selectedOptions[0]?.text === words", arg=words
    )


def test_a_person_chooses_between_periods_and_values(visit: OpenTab, chess: Leaderboard) -> None:
    tab = go(visit, chess, "Chess&id=1")
    options = tab.page.locator("#derived option").all_inner_texts()
    assert options == ["All", "This week", "Last week", "2026-W01 (2)", "2025-W52 (1)", "country CN (1)"]
    assert tab.rows() == [("1", "bob", "92"), ("2", "ann", "91")]
    choose(tab, "This week")
    tab.page.locator("#title").filter(has_text="Chess · 2026-W01").wait_for()
    assert tab.rows() == [("1", "ann", "91"), ("2", "bob", "70")]
    assert tab.text("#found-rank") == "1 of 2"
    assert tab.page.locator("#entries .moved").all_inner_texts() == ["= was 1 the week before"]
    assert tab.page.url.endswith("#Chess&period=current&id=1")
    choose(tab, "country CN (1)")
    tab.page.locator("#title").filter(has_text="Chess · country CN").wait_for()
    assert tab.rows() == [("1", "ann", "91")]
    choose(tab, "All")
    tab.page.locator("#title").filter(has_text="Chess").wait_for()
    assert tab.page.locator("#board").input_value() == "Chess"
    assert tab.complaints == []


def test_an_address_of_a_derived_board_opens_it(visit: OpenTab, chess: Leaderboard) -> None:
    tab = go(visit, chess, "Chess~2025-W52")
    assert tab.text("#title") == "Chess · 2025-W52"
    assert tab.page.locator("#board").input_value() == "Chess"
    assert tab.page.locator("#derived option:checked").inner_text() == "2025-W52 (1)"
    assert tab.page.locator("#closes").inner_text().startswith("closed")


def test_a_period_without_entries_says_so_and_the_others_can_be_chosen(
    visit: OpenTab, chess: Leaderboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "utc_now", lambda: datetime(2026, 2, 2, tzinfo=UTC))
    tab = go(visit, chess, "Chess&period=current")
    tab.page.locator("#empty").filter(has_text="The board “Chess · This week” has no entries.").wait_for()
    choose(tab, "2025-W52 (1)")
    tab.page.locator("#title").filter(has_text="Chess · 2025-W52").wait_for()
    assert tab.rows() == [("1", "ann", "50")]


def test_where_participants_were_in_the_period_before_is_asked_once(visit: OpenTab, chess: Leaderboard) -> None:
    chess.put("Chess~2025-W52", "2", "60")
    tab = go(visit, chess, "Chess~2026-W01&id=2")
    moved = tab.page.locator("#entries .moved").all_inner_texts()
    assert moved == ["▲ was 2 the week before", "▼ was 1 the week before"]
    assert tab.page.locator("#found-title .moved").inner_text() == "▼ was 1 the week before"
    asked = sum("movement=true" in one for one in chess.asked)
    tab.refresh(2)
    assert sum("movement=true" in one for one in chess.asked) == asked == 2


def test_a_board_from_which_none_derives_has_no_choice(visit: OpenTab, chess: Leaderboard) -> None:
    tab = go(visit, chess, "WarCraft")
    assert tab.page.locator("#within").is_hidden()
    assert not any("/periods" in asked or "/values" in asked for asked in chess.asked)
