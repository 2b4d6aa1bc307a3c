"""A browser for the page: the system's Chromium, driven by Playwright. Where one is missing, the skip names it."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.page.leaderboard import leaderboard

__all__ = ["leaderboard"]

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# One a module and not one a session: Playwright's loop runs as long as this lives, and other tests have their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: see requirements/dev.txt"
    )
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no chromium: install it (on Debian and Ubuntu: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One person's tab: what it logged and which dialogs opened are kept."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def rows(self, table: str = "#entries") -> list[tuple[str, str, str]]:
        """A table as a person reads it: rank, name, score."""
        read = "rows => rows.map(row => ['.rank', 'bdi', '.score'].map(part => row.querySelector(part).innerText))"
        return [tuple(row) for row in self.page.locator(f"{table} tr").evaluate_all(read)]

    def text(self, selector: str) -> str:
        """What stands in one element."""
        return str(self.page.locator(selector).inner_text())

    def wait_for_text(self, selector: str, words: str) -> None:
        self.page.locator(selector).filter(has_text=words).first.wait_for(state="attached")

    def wait_for_row(self, name: str, score: str) -> None:
        row = (
            self.page.locator("#entries tr")
            .filter(has_text=name)
            .filter(has=self.page.locator(f'.score:text-is("{score}")'))
        )
        row.wait_for()


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Opens a tab; takes what browser.new_context takes (viewport, locale, ...)."""
    contexts = []

    def open_tab(**options: Any) -> Visit:
        contexts.append(browser.new_context(**options))
        return Visit(contexts[-1])

    yield open_tab
    for context in contexts:
        context.close()
