"""The page on boards with a policy: low scores are better, or later changes do not count."""

# ruff: noqa: RUF001 - the page writes a dash for what is missing, and Chinese with its own colon.

from __future__ import annotations

from dataclasses import replace

import pytest

from scorecast.leaderboard.policy import BoardPolicy, Order
from tests.page.browser import OpenTab, Visit
from tests.page.leaderboard import Leaderboard, go

LONG_AGO, FAR_AWAY = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


@pytest.fixture
def golf(leaderboard: Leaderboard) -> Leaderboard:
    leaderboard.table.declare("Golf", BoardPolicy(order=Order.ASCENDING))
    for participant, score, name in (("1", "80", "ann"), ("2", "64", "bob"), ("3", "72", "cem")):
        leaderboard.put("Golf", participant, score, name)
    return leaderboard


def gauges(tab: Visit) -> list[float]:
    read = "rows => rows.map(row => parseFloat(row.querySelector('.gauge').style.getPropertyValue('--part')))"
    return list(tab.page.locator("#entries tr").evaluate_all(read))


def test_the_lowest_score_leads_and_a_note_explains_it(visit: OpenTab, golf: Leaderboard) -> None:
    tab = go(visit, golf, "Golf&id=3")
    assert tab.rows() == [("1", "bob", "64"), ("2", "cem", "72"), ("3", "ann", "80")]
    assert tab.text("#order") == "the lowest score is best"
    assert tab.text("#found-rank") == "2 of 3"
    assert tab.text("#found-percentile") == "66.66 %"
    assert [name for _, name, _ in tab.rows("#neighbours")] == ["bob", "cem", "ann"]
    assert gauges(tab) == [1, pytest.approx(64 / 72), 0.8]
    assert tab.complaints == []


def test_a_frozen_board_says_since_when(visit: OpenTab, golf: Leaderboard) -> None:
    frozen = BoardPolicy(order=Order.ASCENDING, freezes_at=LONG_AGO)
    golf.table.declare("Golf", frozen)
    golf.table.declare("Golf~frozen", replace(frozen, copy_of="Golf"))
    golf.put("Golf~frozen", "1", "80", "ann")
    tab = go(visit, golf, "Golf")
    assert tab.rows() == [("1", "ann", "80")]
    assert tab.text("#freezes").startswith("frozen since 1/1/2020")
    golf.table.declare("Golf", replace(frozen, freezes_at=FAR_AWAY))
    tab.refresh()
    assert len(tab.rows()) == 3
    assert tab.text("#freezes").startswith("freezes ")


def test_a_descending_board_has_no_note_about_its_order(visit: OpenTab, golf: Leaderboard) -> None:
    golf.put("Abc", "1", "60", "ann")
    golf.put("Abc", "2", "30", "bob")
    tab = go(visit, golf, "Abc")
    assert tab.page.locator("#order").is_hidden()
    assert gauges(tab) == [1, 0.5]


def test_the_bars_of_the_scores_fill_from_the_left(visit: OpenTab, golf: Leaderboard) -> None:
    tab = go(visit, golf, "Golf")
    margins = "gauges => gauges.map(gauge => getComputedStyle(gauge, '::after').marginLeft)"
    assert tab.page.locator("#entries .gauge").evaluate_all(margins) == ["0px"] * 3


def test_a_participant_with_a_lower_score_rises(visit: OpenTab, golf: Leaderboard) -> None:
    tab = go(visit, golf, "Golf")
    golf.put("Golf", "1", "60")
    tab.refresh()
    tab.page.locator("#entries .rose .mark").filter(has_text="▲2").wait_for()
    assert tab.rows()[0] == ("1", "ann", "60")
    assert tab.page.locator("#entries .fell .mark").all_inner_texts() == ["▼1"] * 2


def test_the_chart_goes_from_the_lowest_score_to_the_highest_on_any_board(visit: OpenTab, golf: Leaderboard) -> None:
    tab = go(visit, golf, "Golf&id=2")
    tab.page.get_by_text("Show as a table").click()
    assert [line.split("\t")[0] for line in tab.page.locator("#bars tr").all_inner_texts()] == [
        "64 to 65",
        "72 to 73",
        "80 to 81",
    ]
    assert tab.text("#placed") == "▼ bob is in the range 64 to 65."


def test_columns_stand_below_the_score_and_the_ranks_follow_them(visit: OpenTab, leaderboard: Leaderboard) -> None:
    leaderboard.table.declare("Final", BoardPolicy(then_by="penalty:ascending,solvedAt:ascending"))
    solved = {"1": ("1220", "2026-01-02T09:59:00Z"), "2": ("880", "2026-01-02T09:58:00Z"), "3": ("880", "")}
    leaderboard.table.columns.update(solved)
    for participant in solved:
        leaderboard.put("Final", participant, "8", f"team {participant}")
    tab = go(visit, leaderboard, "Final&id=2", locale="en-GB", timezone_id="UTC")
    assert [(rank, name) for rank, name, _ in tab.rows()] == [("1", "team 2"), ("2", "team 3"), ("3", "team 1")]
    below = tab.page.locator("#entries .then").all_inner_texts()
    assert below == ["880 · 1/2/26, 9:58:00 AM", "880 · –", "1,220 · 1/2/26, 9:59:00 AM"]
    assert tab.page.locator("#neighbours .then").all_inner_texts() == below
    assert tab.text("#found-score .then") == below[0]
    assert tab.text("#then") == "equal scores rank by penalty ↑, solvedAt ↑"
    tab.page.get_by_role("button", name="中文").click()
    assert tab.text("#then") == "同分时依次比较：penalty ↑, solvedAt ↑"
    assert tab.complaints == []
    leaderboard.table.columns["3"] = ("870", "")
    leaderboard.put("Final", "3", "8")
    tab.refresh()
    tab.wait_for_text("#entries .then", "870")
    assert tab.rows()[0][1] == "team 3"


def test_a_board_that_has_closed_is_final(visit: OpenTab, golf: Leaderboard) -> None:
    golf.table.declare("Golf", BoardPolicy(closes_at=LONG_AGO))
    tab = go(visit, golf, "Golf")
    assert tab.text("#state") == "Final"
    assert tab.text("#closes").startswith("closed ")
    assert tab.page.locator("#closes").get_attribute("datetime") == LONG_AGO
    tab.page.get_by_role("button", name="中文").click()
    assert tab.text("#state") == "最终排名"


def test_a_board_that_will_close_is_live_until_then(visit: OpenTab, golf: Leaderboard) -> None:
    golf.table.declare("Golf", BoardPolicy(closes_at=FAR_AWAY))
    tab = go(visit, golf, "Golf")
    assert (tab.text("#state"), tab.text("#closes").startswith("closes ")) == ("Live", True)
    assert tab.page.locator("#order").is_hidden()


def test_a_board_that_never_closes_shows_no_closing_time(visit: OpenTab, golf: Leaderboard) -> None:
    tab = go(visit, golf, "Golf")
    assert tab.page.locator("#closes").is_hidden()
    assert tab.text("#state") == "Live"


def test_the_board_becomes_final_while_the_page_is_open(visit: OpenTab, golf: Leaderboard) -> None:
    golf.table.declare("Golf", BoardPolicy(closes_at="2026-01-02T12:01:00Z"))  # a minute after the page is opened
    tab = go(visit, golf, "Golf")
    tab.refresh(29)
    assert tab.text("#state") == "Live"
    tab.refresh(2)
    assert tab.text("#state") == "Final"


def test_the_note_about_the_order_is_in_chinese_too(visit: OpenTab, golf: Leaderboard) -> None:
    tab = go(visit, golf, "Golf", locale="zh-CN")
    assert tab.text("#order") == "分数越低越好"
