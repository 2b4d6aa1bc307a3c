from typing import Any

import pytest

from scorecast.errors import CannotRead
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Keep, Order, policy_item, policy_key
from scorecast.leaderboard.policy_table import POLICY_AGE_S, PolicyTable
from tests.support.fakes import FakeDynamoDb

GOLF = BoardPolicy(order=Order.ASCENDING)


class Reads(FakeDynamoDb):
    """A board table that records the boards of each call."""

    def __init__(self, **policies: BoardPolicy) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        for board, policy in policies.items():
            self.declare(board, policy)

    def declare(self, board: str, policy: BoardPolicy) -> None:
        self.put_item(TableName="boards", Item=policy_item(board, policy))

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [request] = RequestItems.values()
        assert request["ConsistentRead"]
        self.asked.append([key["name"]["S"] for key in request["Keys"]])
        return super().batch_get_item(RequestItems=RequestItems)


def test_policies_are_read_in_one_call_and_undeclared_ones_are_the_default() -> None:
    boards = Reads(Golf=GOLF)
    assert PolicyTable(boards, "boards").of(["Golf", "Darts", "Golf"]) == {"Golf": GOLF, "Darts": DEFAULT}
    assert boards.asked == [["Golf", "Darts"]]


def test_a_policy_is_read_again_only_when_it_is_old() -> None:
    boards, now = Reads(), [0.0]
    policies = PolicyTable(boards, "boards", clock=lambda: now[0])
    assert policies.of(["Golf"]) == {"Golf": DEFAULT}
    boards.declare("Golf", GOLF)
    now[0] = POLICY_AGE_S - 0.1
    assert policies.of(["Golf", "Darts"])["Golf"] == DEFAULT
    now[0] = POLICY_AGE_S
    assert policies.of(["Golf", "Darts"])["Golf"] == GOLF
    assert boards.asked == [["Golf"], ["Darts"], ["Golf"]]


def test_more_boards_than_a_call_can_read_are_read_in_several() -> None:
    boards = Reads(last=BoardPolicy(keep=Keep.FIRST))
    names = [*(f"board {at}" for at in range(250)), "last"]
    assert PolicyTable(boards, "boards").of(names)["last"].keep == Keep.FIRST
    assert [len(asked) for asked in boards.asked] == [100, 100, 51]


def test_an_invalid_policy_is_refused_with_the_boards_name() -> None:
    boards = Reads()
    boards.put_item(TableName="boards", Item=policy_key("Golf") | {"order": {"S": "sideways"}})
    with pytest.raises(CannotRead, match="board 'Golf' is not usable"):
        PolicyTable(boards, "boards").of(["Golf"])
