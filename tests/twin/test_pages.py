"""Pages of a board on the deployed system while the board changes, and ids, scores and ties of any kind."""

from decimal import Decimal
from functools import partial

import pytest

from scorecast.leaderboard.batch_get import ID_BYTES
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.pipeline import Json, MainTable
from tests.support.waiting import eventually

LONG_IDS = [character * (ID_BYTES // len(character.encode())) for character in ("é", "\0", "名")]


def page(stack: Stack, board: str, **parameters: str) -> Json:
    status, body = stack.get("leaderBoard/", hackathonName=board, **parameters)
    assert (status, type(body)) == (200, dict), body
    return dict(body)


def has(stack: Stack, board: str, total: int) -> None:
    """Whether the board has so many entries, in the counters and in the index."""
    body = page(stack, board, limit="100")
    assert (body["total"], len(body["entries"])) == (total, total)


def test_a_walk_ends_with_the_board_and_has_the_ranks_of_now(stack: Stack, main: MainTable) -> None:
    for score in range(1, 9):
        main.put(f"p{score}", {"N": str(score)})
    eventually(lambda: has(stack, main.board, 8))
    first = page(stack, main.board, limit="3")
    assert [one["id"] for one in first["entries"]] == ["p8", "p7", "p6"]
    for gone in ("p8", "p6"):
        main.delete(gone)
    eventually(lambda: has(stack, main.board, 6))
    second = page(stack, main.board, limit="3", next=first["next"])
    assert [(one["id"], one["rank"]) for one in second["entries"]] == [("p5", 2), ("p4", 3), ("p3", 4)]
    main.put("leader", {"N": "99"})
    eventually(lambda: has(stack, main.board, 7))
    third = page(stack, main.board, limit="3", next=second["next"])
    assert [(one["id"], one["rank"], one["position"]) for one in third["entries"]] == [("p2", 6, 6), ("p1", 7, 7)]
    assert "next" not in third
    assert stack.get(f"leaderBoard/{main.board}/participants/p2")[1]["rank"] == 6


@pytest.mark.parametrize("participant", LONG_IDS, ids=lambda one: repr(one[0]))
def test_any_id_can_be_paged_past(stack: Stack, main: MainTable, participant: str) -> None:
    main.put(participant, {"N": "2"}, userName={"S": "n" * 100_000})
    main.put("last", {"N": "1"})
    eventually(lambda: has(stack, main.board, 2))
    first = page(stack, main.board, limit="1")
    assert first["entries"][0]["userName"] == "n" * 128
    assert [one["id"] for one in page(stack, main.board, limit="1", next=first["next"])["entries"]] == ["last"]


@pytest.mark.parametrize("score", ["1234567890123456" + "0" * 24, "-0." + "0" * 129 + "1", "9.99E+125"])
def test_a_score_that_is_shown_can_be_asked_for(stack: Stack, main: MainTable, score: str) -> None:
    main.put("1", {"N": score})
    eventually(lambda: has(stack, main.board, 1))
    shown = str(page(stack, main.board)["entries"][0]["projectScore"])
    assert Decimal(shown) == Decimal(score)
    assert page(stack, main.board, rankOfScore=shown)["rank"] == 1


def test_tied_participants_are_compared_in_the_order_of_their_board(
    stack: Stack, scorecast: Scorecast, main: MainTable
) -> None:
    scorecast.ok("boards", "set", main.board, "--ties", "earliest")
    for at, participant in enumerate(("c", "a", "b"), start=1):
        main.put(participant, {"N": "5"})
        eventually(partial(has, stack, main.board, at))
    listed = [one["id"] for one in page(stack, main.board)["entries"]]
    assert listed == ["c", "a", "b"]
    status, body = stack.get(f"leaderBoard/?hackathonName={main.board}&id=a&id=b&id=c")
    assert status == 200, body
    assert [one["id"] for one in body["entries"]] == listed
