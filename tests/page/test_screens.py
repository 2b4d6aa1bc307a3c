"""The page without controls: on a projector, which goes from board to board, and in a frame of another page."""

import pytest

from tests.page.browser import Check, OpenTab, Visit
from tests.page.leaderboard import Leaderboard, go

ROTATE_MS, PHONE = 15_000, {"width": 390, "height": 600}
CONTROLS = "button:visible, select:visible, input:visible, a:visible"


@pytest.fixture
def two_boards(leaderboard: Leaderboard) -> Leaderboard:
    for rank in range(1, 13):
        leaderboard.put("Abc", f"p{rank}", str(1000 - 10 * rank), f"user {rank:02}")
    leaderboard.put("Xyz", "9", "5", "bob")
    return leaderboard


def show_next(tab: Visit) -> None:
    """Let the time pass after which a projector shows the next board."""
    with tab.refreshed():
        tab.page.clock.run_for(ROTATE_MS)


def test_a_projector_shows_one_board_after_another_and_survives_a_lost_network(
    visit: OpenTab, two_boards: Leaderboard, violations: Check
) -> None:
    tab = go(visit, two_boards, mode="?screen", viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
    assert tab.text("h1") == "Abc"
    assert len(tab.rows()) == 10
    assert tab.page.locator(CONTROLS).count() == 0
    assert tab.page.evaluate("document.documentElement.scrollHeight") <= 1080
    two_boards.put("New", "7", "3", "cat")
    show_next(tab)
    tab.wait_for_text("h1", "Xyz")
    two_boards.status = 503
    show_next(tab)
    tab.wait_for_text("#state", "Not up to date")
    assert tab.rows() == [("1", "bob", "5")]
    two_boards.status = 200
    with tab.refreshed():
        tab.page.evaluate("dispatchEvent(new Event('online'))")
    tab.wait_for_text("h1", "Abc")
    show_next(tab)
    tab.wait_for_text("h1", "New")
    assert not any("histogram" in asked for asked in two_boards.asked)
    assert violations(tab.page) == []


def test_a_projector_stays_on_the_board_that_its_address_names(visit: OpenTab, two_boards: Leaderboard) -> None:
    tab = go(visit, two_boards, "Xyz", mode="?screen")
    show_next(tab)
    assert tab.text("h1") == "Xyz"


def test_a_frame_shows_the_standings_or_follows_one_participant(
    visit: OpenTab, two_boards: Leaderboard, violations: Check
) -> None:
    tab = go(visit, two_boards, "Abc&id=p12", mode="?embed", viewport=PHONE, reduced_motion="reduce")
    assert tab.text("#found-rank") == "12 of 12"
    assert not tab.page.locator("#standings").is_visible()
    assert tab.page.locator(CONTROLS).count() == 0
    two_boards.put("Abc", "p12", "2000")
    tab.refresh()
    tab.wait_for_text("#found-rank", "1 of 12")
    with tab.refreshed():
        tab.page.evaluate("location.hash = '#Abc'")
    tab.page.locator("#standings").wait_for()
    assert tab.page.locator(CONTROLS).count() == 0
    assert violations(tab.page) == []
