"""The policies of boards as a function reads them: many per call, cached for some seconds.

A policy that is not cached is read consistently, so a policy declared before a board's first change applies to that
change. A later change of a policy applies after at most POLICY_AGE_S.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError

from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.closing import closing_of
from scorecast.leaderboard.policy import BoardPolicy, listed_item, policy_item, policy_key, read_policy
from scorecast.runtime.aws import cancellation_codes

# How long a process caches a policy.
POLICY_AGE_S = 10


class _DynamoDb(BatchGetItem, Protocol):
    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class PolicyTable:
    """The policies of all boards, with the cache of one process."""

    dynamodb: _DynamoDb
    table: str
    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, BoardPolicy]] = field(default_factory=dict)

    def of(self, boards: Iterable[str]) -> dict[str, BoardPolicy]:
        """Return the policy of each board; costs one read unit for each that was not read in the last POLICY_AGE_S.

        CannotRead if a policy is not usable; NotAcknowledged if DynamoDB is too busy.
        """
        boards, now = list(boards), self.clock()
        self._read([board for board in dict.fromkeys(boards) if not self._is_fresh(board, now)], now)
        return {board: self._kept[board][1] for board in boards}

    def declare(self, board: str, policy: BoardPolicy) -> BoardPolicy:
        """Declare a board's policy if it has none; return the policy that it then has.

        Four write units, or six if it closes, for the closing to announce. Raises CannotRead and NotAcknowledged as
        `of` does.
        """
        put = {"TableName": self.table, "Item": policy_item(board, policy)}
        put |= {"ConditionExpression": "attribute_not_exists(#name)", "ExpressionAttributeNames": {"#name": "name"}}
        closing = closing_of(board, policy)
        further = [listed_item(board, policy), *([closing.item] if closing else [])]
        actions = [put, *({"TableName": self.table, "Item": item} for item in further)]
        self._kept.pop(board, None)
        try:
            self.dynamodb.transact_write_items(TransactItems=[{"Put": action} for action in actions])
        except ClientError as error:
            if cancellation_codes(error)[:1] != ["ConditionalCheckFailed"]:
                raise
        return self.of([board])[board]

    def _is_fresh(self, board: str, now: float) -> bool:
        return board in self._kept and now - self._kept[board][0] < POLICY_AGE_S

    def _read(self, boards: list[str], now: float) -> None:
        items = read_items(self.dynamodb, self.table, [policy_key(board) for board in boards], consistent=True)
        declared = {item["name"]["S"]: item for item in items}
        self._kept.update({board: (now, read_policy(declared.get(board))) for board in boards})
