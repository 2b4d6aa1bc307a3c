"""What an hour of watching a board costs a viewer: polled from the API, polled at the edge, or pushed.

Prices and measurements are those of the bill. docs/cost.md and docs/adr/0030 state the assumptions and show the tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from scorecast.ops.cost.bill import TABLE_MS, VCPU_SHARE, Model

SECONDS_AN_HOUR, MINUTES_AN_HOUR = 3600, 60
# What the page requests: the board at each refresh, a participant at every fifth, the histogram at every tenth.
REFRESH_S, FOUND_EVERY, HISTOGRAM_EVERY = 2, 5, 10
# A board of 3,000 entries (docs/api.md): the reads of its histogram, with the CPU time of as many look-ups.
HISTOGRAM_UNITS, HISTOGRAM_CPU_MS, HISTOGRAM_TRIPS = 20, 8.0, 3
# Assumed: an answer with its headers. An unchanged one (304) is smaller.
ANSWER_GB = 1.5 / 1024 / 1024
# The regional edge caches of CloudFront in North America and Europe; each calls the API for itself.
# https://aws.amazon.com/cloudfront/features/
EDGE_CACHES = 7
# Requests per second of an account, including those that send a message to a WebSocket connection.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
API_LIMIT = 10_000
# Messages per second that an AppSync Events API delivers.
# https://docs.aws.amazon.com/general/latest/gr/appsync.html
PUSH_LIMIT = 1_000_000

API, EDGE, PUSH, SOCKETS = "polling the API", "polling at the edge", "AppSync Events", "WebSockets"
WAYS = (API, EDGE, PUSH, SOCKETS)


@dataclass(frozen=True)
class Audience:
    """Viewers of one board for an hour, and the number of seconds of that hour in which the top changes."""

    viewers: int
    changes: int = SECONDS_AN_HOUR


@dataclass(frozen=True)
class Page:
    """Requests of a page per hour: for the board, its histogram, the list of boards, and a followed participant."""

    boards: float = SECONDS_AN_HOUR / REFRESH_S
    histograms: float = SECONDS_AN_HOUR / REFRESH_S / HISTOGRAM_EVERY
    lists: float = 0.0
    participants: float = 0.0

    @property
    def requests(self) -> float:
        """All requests per hour."""
        return self.boards + self.histograms + self.lists + self.participants


PAGE = Page()
FOLLOWING = Page(participants=SECONDS_AN_HOUR / REFRESH_S / FOUND_EVERY)
# Until version 0.2 the page requested a participant at each refresh, the histogram at every third, and the list of
# boards at every fifth.
EARLIER_PAGE = Page(histograms=600, lists=360)
EARLIER_FOLLOWING = Page(histograms=600, lists=360, participants=1800)


def viewer_hour(model: Model, way: str, audience: Audience, page: Page = PAGE) -> float:
    """Return the dollars that one viewer costs per hour."""
    if way == API:
        return _answers(model, page) + page.requests * ANSWER_GB * model.price("api_gb")
    if way == EDGE:
        at_the_edge = page.requests * (model.a_million("edge") + ANSWER_GB * model.price("edge_gb"))
        return at_the_edge + _answers(model, _shared(page, audience.viewers))
    message, minute = ("push", "push_minute") if way == PUSH else ("socket", "socket_minute")
    sent = audience.changes * (model.a_million(message) + ANSWER_GB * model.price("api_gb"))
    return sent + MINUTES_AN_HOUR * model.a_million(minute)


def is_possible(way: str, audience: Audience, page: Page = PAGE) -> bool:
    """Whether the account's default quotas allow it; a cache in front has no quota that matters."""
    a_second = audience.viewers * (page.requests if way == API else audience.changes) / SECONDS_AN_HOUR
    return way == EDGE or a_second <= (PUSH_LIMIT if way == PUSH else API_LIMIT)


def _shared(page: Page, viewers: int) -> Page:
    """A viewer's share of the requests that reach the API: each cache sends at most one per second and URL.

    Each viewer follows a different participant.
    """
    most = EDGE_CACHES * SECONDS_AN_HOUR / viewers
    boards, histograms, lists = (min(asked, most) for asked in (page.boards, page.histograms, page.lists))
    return Page(boards, histograms, lists, page.participants)


def _answers(model: Model, page: Page) -> float:
    """The cost of a page's requests: the API, its function and its tables."""
    top, participant = (
        _answer(model, one["round_trips"], one["cpu_ms"], one["read_units"])
        for one in (model.measured["first_page"], model.measured["around_me"])
    )
    histogram = _answer(model, HISTOGRAM_TRIPS, HISTOGRAM_CPU_MS, HISTOGRAM_UNITS)
    # The list of boards reads as much as a first page.
    return (page.boards + page.lists) * top + page.histograms * histogram + page.participants * participant


def _answer(model: Model, trips: float, cpu_ms: float, units: float) -> float:
    duration_ms = max(trips * TABLE_MS, cpu_ms / VCPU_SHARE)
    return model.a_million("api") + model.invocations(1, duration_ms) + units * model.a_million("read_unit")
