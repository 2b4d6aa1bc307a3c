"""The page's tests share one browser; without one, all of them are skipped before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.page import browser as chromium
from tests.page.browser import Check, OpenTab, Visit
from tests.page.leaderboard import leaderboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["leaderboard"]

AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """Skip the folder when its first module is collected: one line in the report, and no fixture is set up."""
    if missing := chromium.what_is_missing():
        pytest.skip(missing, allow_module_level=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each opens tabs of its own."""
    with chromium.running() as running:
        yield running


@pytest.fixture(scope="session")
def violations() -> Check:
    """Return what lists the faults that axe-core finds in a page."""
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def check(page: Page) -> list[str]:
        page.clock.resume()  # axe waits by the page's timers
        found = axe.run(page, options=AXE_RULES).response["violations"]
        return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]

    return check


@pytest.fixture
def visit(browser: Browser) -> Iterator[OpenTab]:
    """Return a function that opens a tab, which is closed after the test."""
    contexts = []

    def open_tab(**options: Any) -> Visit:
        contexts.append(browser.new_context(**options))
        return Visit(contexts[-1])

    yield open_tab
    for context in contexts:
        context.close()
