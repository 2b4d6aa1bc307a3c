"""The API behind the page: LeaderGet in this process, on entries that the test changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scorecast.api import handler
from tests.page.browser import OpenTab, Visit
from tests.support.api_fakes import FakeTable, serve

if TYPE_CHECKING:
    from playwright.sync_api import Route

STAGE = "/any/stage"
ADDRESS = f"http://scorecast.test{STAGE}/"
# Some hours after the last change of the board in memory.
LOADED_AT, OPENED_AT = "2026-01-02T11:59:00Z", "2026-01-02T12:00:00Z"


@dataclass
class Leaderboard:
    """A leaderboard whose entries the test changes.

    With another `status` than 200, and without the `key` if there is one, only the page is answered.
    """

    table: FakeTable
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    key: str | None = None

    def put(self, board: str, participant: str, score: str, name: str | None = None) -> None:
        """Write an entry, as a change of the main table would."""
        if name is not None:
            self.table.names[participant] = name
        self.table.put([(board, participant, score)])

    def answer(self, route: Route) -> None:
        """Answer a request of the browser with LeaderGet."""
        url = urlsplit(route.request.url)
        path = url.path.removeprefix(STAGE)
        status = 403 if self.key and route.request.headers.get("x-api-key") != self.key else self.status
        if status != 200 and path != "/":
            self.statuses.append(status)
            route.fulfill(status=status, body="{}")
            return
        parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
        request = {"path": path, "queryStringParameters": parameters or None, "headers": route.request.headers}
        answer = handler.handle(request, None)
        self.statuses.append(answer["statusCode"])
        self.asked.append(f"{path}?{url.query}" if url.query else path)
        route.fulfill(status=answer["statusCode"], headers=answer["headers"], body=answer["body"])


@pytest.fixture
def leaderboard(monkeypatch: pytest.MonkeyPatch) -> Leaderboard:
    """A leaderboard without entries."""
    return serve_empty(monkeypatch)


def serve_empty(monkeypatch: pytest.MonkeyPatch) -> Leaderboard:
    """Have LeaderGet answer from a leaderboard without entries."""
    table = FakeTable([])
    serve(monkeypatch, table)
    return Leaderboard(table)


def go(visit: OpenTab, leaderboard: Leaderboard, hash_: str = "", mode: str = "", **options: Any) -> Visit:
    """Open the page in a tab whose clock only the test moves, and wait until it shows the first answers."""
    tab = visit(**options)
    tab.page.route("**/*", leaderboard.answer)
    tab.page.clock.install(time=LOADED_AT)
    tab.page.clock.pause_at(OPENED_AT)
    tab.page.goto(f"{ADDRESS}{mode}#{hash_}")
    tab.page.locator(
        f"body[data-state={'live' if leaderboard.status == 200 and not leaderboard.key else 'error'}]"
    ).wait_for()
    return tab
