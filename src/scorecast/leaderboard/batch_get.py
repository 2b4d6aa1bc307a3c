"""Read many items of a DynamoDB table by their keys, in as few calls as possible: either all of them or an error."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from scorecast.errors import NotAcknowledged
from scorecast.runtime.batches import cut_batches

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BATCH_KEYS = 100
# The most bytes of UTF-8 in a board (the leaderboard table's sort key) and in an id (its partition key).
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys
BOARD_BYTES = 1024
ID_BYTES = 2048
_PAUSES_S = (0.05, 0.2, 0.8)

Item = dict[str, Any]


class BatchGetItem(Protocol):
    """The call of the DynamoDB client that `read_items` needs."""

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]: ...


def read_items(
    dynamodb: BatchGetItem,
    table: str,
    keys: Sequence[Item],
    *,
    consistent: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterable[Item]:
    """Read the items that exist, in any order; half a read unit each (one if `consistent`) up to 4 KB.

    Raises NotAcknowledged if DynamoDB has not answered for all of them after four calls.
    """
    for batch in cut_batches(keys, BATCH_KEYS):
        request: dict[str, Any] = {table: {"Keys": batch, "ConsistentRead": consistent}}
        for pause_s in (*_PAUSES_S, None):
            answer = dynamodb.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(table, [])
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                break
            if pause_s is None:
                raise NotAcknowledged(f"DynamoDB is too busy to read {len(request[table]['Keys'])} items of {table}.")
            sleep(pause_s * random.uniform(0.5, 1))
