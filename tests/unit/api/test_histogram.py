"""The distribution of any scores: bars of one width that cover all entries, with exact counts."""

from decimal import Context, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.leaderboard.index.lookup import MOST_BARS
from scorecast.leaderboard.order_key import LARGEST
from scorecast.leaderboard.policy import BoardPolicy, Order, Ties
from tests.support.api_fakes import Cut, FakeTable, get, serve

EXACT = Context(prec=600)
# Any number of DynamoDB; close ones; and a few, so that boards have ties.
any_number = st.builds(
    lambda sign, digits, magnitude: Decimal((sign, tuple(map(int, str(digits))), magnitude - len(str(digits)) + 1)),
    st.integers(0, 1),
    st.integers(1, 10**38 - 1),
    st.integers(-130, 125),
)
close = st.integers(10**37, 10**37 + 50).map(lambda digits: Decimal(digits).scaleb(-20, EXACT))
plain = st.integers(-30, 30).map(Decimal)
scores = st.one_of(
    st.lists(any_number, min_size=1, max_size=12),
    st.lists(close, min_size=1, max_size=30),
    st.lists(plain, min_size=1, max_size=40),
    st.lists(st.one_of(any_number, close, plain, st.just(LARGEST)), min_size=1, max_size=20),
)
policies = st.builds(BoardPolicy, order=st.sampled_from(Order), ties=st.sampled_from(Ties))


@given(scores, policies, st.sampled_from(Cut))
def test_bars_of_one_width_count_every_entry_once(drawn: list[Decimal], policy: BoardPolicy, cut: Cut) -> None:
    entries = [("b", f"p{at:02}", str(score)) for at, score in enumerate(drawn)]
    reached = {participant: "2026-01-01T00:00:00Z" for _, participant, _ in entries}
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": policy}, reached=reached, cut=cut))
        answer = get("/leaderBoard/b/histogram")
    assert answer["statusCode"] == 200, answer["body"]
    bars = answer["body"]["bars"]
    assert 1 <= len(bars) <= MOST_BARS
    assert all(one["to"] == other["from"] for one, other in pairwise(bars))
    widths = {EXACT.subtract(Decimal(bar["to"]), Decimal(bar["from"])) for bar in bars}
    assert len(widths) == 1
    assert bars[0]["from"] <= min(drawn) < bars[0]["to"]
    assert bars[-1]["from"] <= max(drawn) < bars[-1]["to"]
    assert [bar["count"] for bar in bars] == [sum(bar["from"] <= one < bar["to"] for one in drawn) for bar in bars]
    assert sum(bar["count"] for bar in bars) == len(drawn)


def test_an_index_that_does_not_have_the_first_entry_yet_gives_no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable([("b", "p", "5")])
    table.indexed = {}
    serve(monkeypatch, table)
    assert get("/leaderBoard/b/histogram")["body"]["bars"] == []
