"""LeaderGet and any number that DynamoDB can hold, in any notation of it."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorecast.api import handler
from scorecast.api.responses import json_text
from scorecast.leaderboard.policy import BoardPolicy, Order
from tests.support.api_fakes import Cut, FakeTable, get, serve

numbers = st.builds(
    lambda sign, digits, magnitude: Decimal((sign, tuple(map(int, str(digits))), magnitude - len(str(digits)) + 1)),
    st.integers(0, 1),
    st.integers(1, 10**38 - 1),
    st.integers(-130, 125),
)
# Without an exponent, as DynamoDB may write a number, and with one.
notations = st.sampled_from([str, "{:f}".format, "{:e}".format])


@given(st.lists(numbers, min_size=1, max_size=6), notations, st.sampled_from(Order), st.sampled_from(Cut))
def test_any_score_that_is_shown_can_be_asked_for(
    scores: list[Decimal], notation: Callable[[Decimal], str], order: Order, cut: Cut
) -> None:
    entries = [("b", str(at), notation(score)) for at, score in enumerate(scores)]
    with pytest.MonkeyPatch.context() as patch:
        serve(patch, FakeTable(entries, policies={"b": BoardPolicy(order=order)}, cut=cut))
        for at, score in enumerate(scores):
            path = {"path": f"/leaderBoard/b/participants/{at}", "queryStringParameters": {"neighbours": "0"}}
            [shown] = re.findall(r'"projectScore": ([^,}]+)', handler.handle(path, None)["body"])
            assert Decimal(shown) == score
            # As a person pastes it into an address: a plus sign would arrive as a space.
            parameters = parse_qs(f"hackathonName=b&rankOfScore={shown}")
            answer = handler.handle({"path": "/leaderBoard", "multiValueQueryStringParameters": parameters}, None)
            assert answer["statusCode"] == 200, answer["body"]
            assert json.loads(answer["body"])["rank"] == 1 + sum(order.is_better(other, score) for other in scores)


@pytest.mark.parametrize(
    "score", ["1234567890123456" + "0" * 24, "1" + "0" * 125, "-0.0" + "0" * 129, "0E+200", "1." + "0" * 60, "-0"]
)
def test_zeros_at_the_end_are_not_significant_digits(monkeypatch: pytest.MonkeyPatch, score: str) -> None:
    serve(monkeypatch, FakeTable([("b", "1", "5")]))
    answer = get("/leaderBoard", hackathonName="b", rankOfScore=score)
    assert answer["statusCode"] == 200
    assert Decimal(answer["body"]["projectScore"]) == Decimal(score)
    assert len(Decimal(answer["body"]["projectScore"]).as_tuple().digits) <= 38


def test_notations_of_one_number_are_one_score(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["1", "1.0", "1E0", "0.1E1", "10E-1", "1.00"]
    serve(monkeypatch, FakeTable([("b", "best", "2"), *(("b", str(at), text) for at, text in enumerate(texts))]))
    assert {entry["rank"] for entry in get("/leaderBoard", hackathonName="b")["body"]["entries"][1:]} == {2}
    assert {get("/leaderBoard", hackathonName="b", rankOfScore=text)["body"]["rank"] for text in texts} == {2}


def test_zeros_and_negatives_are_scores_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = ["0", "-1", "0.0", "-0.5", "-1E-130", "1E-130", "-100"]
    for order, ranks in ((Order.DESCENDING, [2, 6, 2, 5, 4, 1, 7]), (Order.ASCENDING, [5, 2, 5, 3, 4, 7, 1])):
        for cut in Cut:
            entries = [("b", str(at), score) for at, score in enumerate(scores)]
            serve(monkeypatch, FakeTable(entries, policies={"b": BoardPolicy(order=order)}, cut=cut))
            shown = {entry["id"]: entry["rank"] for entry in get("/leaderBoard", hackathonName="b")["body"]["entries"]}
            assert [shown[str(at)] for at in range(len(scores))] == ranks
            for at, score in enumerate(scores):
                assert get(f"/leaderBoard/b/participants/{at}")["body"]["rank"] == ranks[at]
                assert get("/leaderBoard", hackathonName="b", rankOfScore=score)["body"]["rank"] == ranks[at]


def test_a_number_is_written_so_that_an_address_can_hold_it() -> None:
    assert json_text([Decimal("1E+39"), Decimal("-2.5E+100"), Decimal("1E-130"), Decimal("12.50")]) == (
        "[1E39, -2.5E100, 1E-130, 12.50]"
    )
