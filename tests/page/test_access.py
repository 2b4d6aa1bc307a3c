"""Accessibility of the page: keyboard, screen reader, and axe-core in every state, light and dark."""

# ruff: noqa: RUF001 - the page writes ranges with an en dash, and Chinese with its own colon.

from __future__ import annotations

from typing import Any

import pytest

from scorecast.leaderboard.derived_board import policy_by_name
from scorecast.leaderboard.policy import BoardPolicy, Every, Order
from tests.page.browser import Check, OpenTab, Visit
from tests.page.leaderboard import Leaderboard, go


@pytest.fixture
def forty(leaderboard: Leaderboard) -> Leaderboard:
    for rank in range(1, 41):
        leaderboard.put("Abc", f"p{rank}", str(1000 - 10 * rank), f"user {rank:02}")
    leaderboard.put("Xyz", "p1", "5", "user 01")
    leaderboard.put("Zzz", "p1", "72", "user 01")
    leaderboard.table.declare("Zzz", BoardPolicy(order=Order.ASCENDING, closes_at="2020-01-01T00:00:00Z"))
    return leaderboard


STATES = {
    "standings": "Abc",
    "final": "Zzz",
    "participant": "Abc&id=p13&at=11",
    "missing": "Abc&id=nobody",
    "no entries": "Gone",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "state", [*STATES, "error", "paused", "moved", "as a table", "phone", "chinese", "columns", "season"]
)
def test_axe_finds_nothing(visit: OpenTab, forty: Leaderboard, violations: Check, state: str, scheme: str) -> None:
    locale = "zh-CN" if state == "chinese" else "en-GB"
    size: dict[str, Any] = {"viewport": {"width": 390, "height": 844}} if state == "phone" else {}
    hash_ = STATES.get(state, "Abc&id=p13")
    if state == "columns":
        forty.table.declare("Abc", BoardPolicy(then_by="penalty:ascending,solvedAt:descending"))
        for participant in (f"p{rank}" for rank in range(1, 41)):
            forty.table.columns[participant] = ("880", "2026-01-02T10:00:00Z")
            forty.table.attributes[participant] = {"team": "Lynx", "country": "CH"}
            forty.put("Abc", participant, "870")
    if state == "season":
        base, hash_ = BoardPolicy(every=Every.WEEK, by=("country",), freezes_at="2999-01-01T00:00:00Z"), "Abc~2026-W01"
        forty.table.declare("Abc", base)
        for board, scores in {"Abc~2025-W52": "12", hash_: "21", "Abc~country.CN": "1"}.items():
            policy = policy_by_name(board, {"Abc": base})
            assert policy
            forty.table.declare(board, policy)
            for participant, score in zip(("p1", "p2"), scores, strict=False):
                forty.put(board, participant, score)
    # Without motion, so that axe sees no colour in the middle of a transition.
    tab = go(visit, forty, hash_, color_scheme=scheme, locale=locale, reduced_motion="reduce", **size)
    if state == "error":
        forty.status = 503
        tab.refresh()
        tab.page.locator("[data-state=error]").wait_for()
    if state == "paused":
        tab.page.get_by_role("button", name="Pause").click()
    if state == "moved":
        forty.put("Abc", "p7", "965")
        tab.refresh()
        tab.page.locator("#entries .rose").wait_for()
    if state == "as a table":
        tab.page.locator("summary").click()
    assert violations(tab.page) == []


def press_until(tab: Visit, key: str, selector: str) -> None:
    for _ in range(60):
        if tab.page.locator(selector).evaluate("element => element === document.activeElement"):
            return
        tab.page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {selector}")


def test_everything_works_with_the_keyboard_alone(visit: OpenTab, forty: Leaderboard) -> None:
    tab = go(visit, forty)
    keyboard = tab.page.keyboard
    press_until(tab, "Tab", "#board")
    keyboard.press("ArrowDown")
    tab.wait_for_text("h1", "Xyz")
    keyboard.press("ArrowUp")
    tab.wait_for_text("h1", "Abc")
    press_until(tab, "Tab", "#participant")
    keyboard.type("p30")
    keyboard.press("Enter")
    tab.wait_for_text("#found-title", "user 30")
    press_until(tab, "Tab", "#next")
    keyboard.press("Enter")
    tab.wait_for_text("#range", "11–20 of 40")
    press_until(tab, "Tab", "#position")
    keyboard.type("31")
    keyboard.press("Enter")
    tab.wait_for_text("#range", "31–40 of 40")
    press_until(tab, "Tab", "summary")
    keyboard.press("Enter")
    tab.page.locator("#bars tr").first.wait_for()
    press_until(tab, "Shift+Tab", "#forget")
    keyboard.press("Enter")
    tab.page.locator("#found").wait_for(state="hidden")
    press_until(tab, "Shift+Tab", "#pause")
    keyboard.press("Space")
    assert tab.text("#state") == "Paused"
    press_until(tab, "Shift+Tab", "#language")
    keyboard.press("Enter")
    assert tab.text("#state") == "已暂停"


def test_the_focus_can_be_seen(visit: OpenTab, forty: Leaderboard) -> None:
    tab = go(visit, forty)
    for _ in range(12):
        tab.page.keyboard.press("Tab")
        width = tab.page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 3, tab.page.evaluate("document.activeElement.outerHTML")


def test_the_last_page_keeps_the_focus_on_the_button(visit: OpenTab, forty: Leaderboard) -> None:
    tab = go(visit, forty, "Abc&at=21")
    tab.page.get_by_role("button", name="Next page").focus()
    tab.page.keyboard.press("Enter")
    tab.wait_for_text("#range", "31–40 of 40")
    tab.page.keyboard.press("Enter")
    assert tab.page.evaluate("document.activeElement.id") == "next"
    assert tab.text("#range") == "31–40 of 40"


def test_a_screen_reader_announces_little_while_scores_change(visit: OpenTab, forty: Leaderboard) -> None:
    tab = go(visit, forty)
    tab.page.evaluate("""
        window.said = [];
        const listen = new MutationObserver(() => said.push(document.getElementById("news").textContent));
        for (const status of document.querySelectorAll("[role=status]"))
            listen.observe(status, { childList: true, characterData: true, subtree: true });
    """)
    for leader in range(5, 9):
        forty.put("Abc", f"p{leader}", str(2000 + leader))
        tab.refresh()
        tab.wait_for_row(f"user {leader:02}", f"2,00{leader}")
    assert tab.page.evaluate("said") == ["user 05 now leads with 2,005."]


def test_a_refresh_does_not_rewrite_an_unchanged_status(visit: OpenTab, forty: Leaderboard) -> None:
    tab = go(visit, forty, "Abc&id=p3")
    tab.page.evaluate("""
        window.written = 0;
        for (const status of document.querySelectorAll("[role=status]"))
            new MutationObserver(() => written += 1).observe(status, { childList: true, subtree: true });
    """)
    for _ in range(2):
        with tab.page.expect_response(lambda response: response.status == 304):
            tab.refresh()
    assert tab.page.evaluate("written") == 0


def test_a_key_is_asked_for_once_kept_and_never_in_an_address(
    visit: OpenTab, forty: Leaderboard, violations: Check
) -> None:
    forty.key = "s3cretk3y"
    tab = go(visit, forty, "Xyz", reduced_motion="reduce")
    assert tab.text("#state") == "This leaderboard needs a key."
    assert violations(tab.page) == []
    tab.page.get_by_label("API key").fill("wrong")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_label("API key").fill(forty.key)
    tab.page.get_by_role("button", name="Open").click()
    tab.wait_for_row("user 01", "5")
    assert not tab.page.locator("#unlock").is_visible()
    tab.page.reload()
    tab.wait_for_row("user 01", "5")
    assert not any(forty.key in url for url in tab.requests)
