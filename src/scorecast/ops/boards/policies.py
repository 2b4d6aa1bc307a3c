"""Policies: what users declare for boards, in the board table. A policy applies to later changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scorecast.errors import CannotRead
from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.board_list import PERIODS, VALUES, collection_query
from scorecast.leaderboard.closing import Closing, closing_of
from scorecast.leaderboard.derived_board import frozen_board, frozen_policy, policy_by_name
from scorecast.leaderboard.policy import (
    DEFAULT,
    POLICIES,
    BoardPolicy,
    listed_item,
    listed_key,
    policy_item,
    policy_key,
    read_policy,
    utc_text,
)
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.pages import read_all


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a stack's boards, and the list of boards with a policy; both change together."""

    dynamodb: Any
    table: str

    def all(self) -> dict[str, BoardPolicy]:
        """Return every non-default policy, by board; costs a read unit for each, and some for the list."""
        boards = list(self.listed(POLICIES))
        items = read_items(self.dynamodb, self.table, [policy_key(board) for board in boards], consistent=True)
        by_board = {item["name"]["S"]: item for item in items}
        return {board: read_policy(by_board[board]) for board in boards if board in by_board}

    def of(self, board: str) -> BoardPolicy:
        """Return a board's policy."""
        return read_policy(self.dynamodb.get_item(TableName=self.table, Key=policy_key(board)).get("Item"))

    def listed(self, collection: str, *, forward: bool = True) -> Iterator[str]:
        """Yield the names in a collection of the board table."""
        request = collection_query(self.table, collection) | {"ConsistentRead": True, "ScanIndexForward": forward}
        return (item["name"]["S"] for item in read_all(self.dynamodb.query, request))

    def derived_from(self, base: str) -> Iterator[str]:
        """Yield the boards that derive from a board: first those of values, then those of periods, newest first."""
        yield from self.listed(f"{VALUES}{base}")
        yield from self.listed(f"{PERIODS}{base}", forward=False)

    def declare(self, board: str, policy: BoardPolicy, now: datetime) -> int:
        """Declare the policy of a board and of the boards that derive from it; return how many of the latter changed.

        All of them get its readers. Otherwise a period that is over keeps its policy, but freezes and is revealed with
        its base, and a board that would no longer derive keeps its own. A period that has begun still expires at its
        old time, which its entries store. Costs a transaction for each board.
        """
        changed: dict[str, BoardPolicy] = {}
        for name in self.derived_from(board):
            current, inherited = self.of(name), policy_by_name(name, {board: policy})
            new = replace(_following(current, inherited, now), readers=policy.readers)
            if new != current:
                changed[name] = new
        for name, new in {board: policy, **changed}.items():
            self.set(name, new, self._closing_to_announce(name, new, now))
            if new.freezes_at:
                self.set(frozen_board(name), frozen_policy(name, new))
        return len(changed)

    def set(self, board: str, policy: BoardPolicy, closing: Closing | None = None) -> None:
        """Write one board's policy, and a closing to announce if given; the default policy deletes the item."""
        if policy == DEFAULT:
            actions = [
                {"Delete": {"TableName": self.table, "Key": key}} for key in (policy_key(board), listed_key(board))
            ]
        else:
            items = (policy_item(board, policy), listed_item(board, policy), *([closing.item] if closing else []))
            actions = [{"Put": {"TableName": self.table, "Item": item}} for item in items]
        self.dynamodb.transact_write_items(TransactItems=actions)

    def _closing_to_announce(self, board: str, policy: BoardPolicy, now: datetime) -> Closing | None:
        """Return a policy's closing if it is in the future or newly declared; an older one was already announced.

        A closing that is no longer valid stays in the table until its time, when the policy contradicts it.
        """
        closing = closing_of(board, policy)
        if closing is None or policy.is_open(utc_text(now)):
            return closing
        try:
            return None if self.of(board).closes_at == closing.closes_at else closing
        except CannotRead:
            return closing


def _following(current: BoardPolicy, inherited: BoardPolicy | None, now: datetime) -> BoardPolicy:
    """The policy that a derived board gets; a period that is over keeps its own, except for freezing."""
    if inherited is None:
        return current
    if _is_over(inherited, now):
        return replace(current, freezes_at=inherited.freezes_at)
    return replace(inherited, kept_until=current.kept_until)


def _is_over(policy: BoardPolicy, now: datetime) -> bool:
    """Whether the period of a board has ended."""
    return policy.starts_at is not None and not policy.is_open(utc_text(now))


def policies_of(stack: Stack) -> Policies:
    """Return the policies of a stack."""
    return Policies(stack.client("dynamodb"), stack.output("BoardTableName"))
