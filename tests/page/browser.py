"""The system's Chromium, driven by Playwright, and a person's tab in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page

# Chromium loads the suggestions of its address bar as pages of their own, in one process per tab: half of the CPU
# time of these tests. The last list of features alone counts, so this one repeats what Playwright turns off.
DISABLED_FEATURES = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]
ARGUMENTS = [
    f"--disable-features={','.join(DISABLED_FEATURES)}",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The page asks for its board again after this time.
REFRESH_MS = 2000


def find_chromium() -> str | None:
    """Return the path of the system's Chromium, or None. The headless shell comes first: it takes less CPU time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def what_is_missing() -> str | None:
    """Return a sentence about what the page's tests lack on this machine, or None."""
    for module in ("playwright", "axe_playwright_python"):
        if find_spec(module) is None:
            return f"the page is not tested: {module} is not installed (see requirements/dev.txt)"
    if find_chromium() is None:
        return "the page is not tested: Chromium is not installed (on Debian and Ubuntu: apt-get install chromium)"
    return None


@contextmanager
def running() -> Iterator[Browser]:
    """Start the browser, and stop it at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One person's tab; it keeps the errors that the page logged, the dialogs that it opened, and its requests."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def rows(self, table: str = "#entries") -> list[tuple[str, str, str]]:
        """Return a table as a person reads it: rank, name, score."""
        read = "rows => rows.map(row => ['.rank', 'bdi', '.score'].map(part => row.querySelector(part).innerText))"
        rows: list[tuple[str, str, str]] = [
            (rank, name, score) for rank, name, score in self.page.locator(f"{table} tr").evaluate_all(read)
        ]
        return rows

    def text(self, selector: str) -> str:
        """Return the visible text of one element."""
        return self.page.locator(selector).inner_text()

    def wait_for_text(self, selector: str, words: str) -> None:
        """Wait until an element has this text."""
        self.page.locator(selector).filter(has_text=words).first.wait_for(state="attached")

    def wait_for_row(self, name: str, score: str) -> None:
        """Wait until the standings show this entry."""
        shown = self.page.locator("#entries tr").filter(has_text=name)
        shown.filter(has=self.page.locator(f'.score:text-is("{score}")')).wait_for()

    def refresh(self, times: int = 1, after_ms: int = REFRESH_MS) -> None:
        """Move the page's clock on to its next refreshes, and wait until each is answered and shown."""
        for _ in range(times):
            with self.refreshed():
                self.page.clock.run_for(after_ms)

    @contextmanager
    def refreshed(self) -> Iterator[None]:
        """Wait until a refresh that begins in this block is answered and shown."""
        cycle: int = self.page.evaluate("cycle")
        yield
        self.page.wait_for_function("before => cycle > before", arg=cycle)


def height(element: Locator) -> float:
    """Return the height of a visible element in pixels."""
    box = element.bounding_box()
    assert box is not None, f"{element} is not visible"
    return box["height"]


OpenTab = Callable[..., Visit]
"""Opens a tab; takes what browser.new_context takes (viewport, locale, ...)."""

Check = Callable[["Page"], list[str]]
"""Lists the faults of a page."""
