"""What watching costs: the rhythm is the page's, and the edge's price falls with the number of viewers."""

import re

import pytest

from bench.report.results import ROOT
from scorecast.ops.cost.data import load_model
from scorecast.ops.cost.viewers import (
    API,
    EARLIER_FOLLOWING,
    EARLIER_PAGE,
    EDGE,
    FOLLOWING,
    FOUND_EVERY,
    HISTOGRAM_EVERY,
    PAGE,
    PUSH,
    REFRESH_S,
    SOCKETS,
    WAYS,
    Audience,
    is_possible,
    viewer_hour,
)

MODEL = load_model()


def test_the_model_polls_as_often_as_the_page() -> None:
    page = (ROOT / "src" / "scorecast" / "api" / "page.html").read_text("utf-8")
    found = {name: int(value) for name, value in re.findall(r"\b([A-Z_a-z]+) = (\d+)[,;]", page)}
    asked = (found["REFRESH_MS"] / 1000, found["FOUND_EVERY"], found["HISTOGRAM_EVERY"])
    assert asked == (REFRESH_S, FOUND_EVERY, HISTOGRAM_EVERY)


def test_an_hour_costs_a_fifth_at_the_edge_of_what_the_earlier_page_cost() -> None:
    audience = Audience(10_000)
    for before, now, factor in ((EARLIER_PAGE, PAGE, 5), (EARLIER_FOLLOWING, FOLLOWING, 4.9)):
        assert viewer_hour(MODEL, API, audience, before) >= factor * viewer_hour(MODEL, EDGE, audience, now)


def test_only_the_edge_is_cheaper_for_more_viewers() -> None:
    for way in WAYS:
        hours = [viewer_hour(MODEL, way, Audience(viewers)) for viewers in (1, 100, 10_000)]
        assert hours == sorted(hours, reverse=True)
        assert (hours[-1] < hours[0]) == (way == EDGE)


def test_at_least_the_edges_own_price_remains() -> None:
    requests = (3600 / REFRESH_S) * (1 + 1 / HISTOGRAM_EVERY)
    assert viewer_hour(MODEL, EDGE, Audience(10**9)) == pytest.approx(requests * 1e-6, rel=0.2)


def test_pushing_costs_by_the_change_and_polling_does_not() -> None:
    busy, quiet = Audience(100), Audience(100, changes=60)
    for way in WAYS:
        is_pushed = way in (PUSH, SOCKETS)
        assert (viewer_hour(MODEL, way, quiet) < viewer_hour(MODEL, way, busy) / 10) == is_pushed


def test_a_million_viewers_are_beyond_what_the_api_and_its_sockets_carry() -> None:
    assert [way for way in WAYS if is_possible(way, Audience(10**6))] == [EDGE, PUSH]
    assert all(is_possible(way, Audience(100)) for way in WAYS)
