"""Reading many items by their keys from DynamoDB: as few calls as there can be, and all of them or an error."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from scorecast.errors import NotAcknowledged

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
BATCH_KEYS = 100
# The board is the leaderboard table's sort key, the id its partition key; they hold this many bytes of UTF-8.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys
BOARD_BYTES = 1024
ID_BYTES = 2048
_PAUSES_S = (0.05, 0.2, 0.8)

Item = dict[str, Any]


class BatchGetItem(Protocol):
    """The one call of the DynamoDB client that is needed."""

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]: ...


def read_items(
    dynamodb: BatchGetItem,
    table: str,
    keys: Sequence[Item],
    *,
    consistent: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterable[Item]:
    """Read the items that there are of the keys, in any order; half a unit each (one if `consistent`) up to 4 KB.

    NotAcknowledged where DynamoDB is too busy to answer for all of them after four calls.
    """
    for at in range(0, len(keys), BATCH_KEYS):
        request: dict[str, Any] = {table: {"Keys": list(keys[at : at + BATCH_KEYS]), "ConsistentRead": consistent}}
        for pause_s in (*_PAUSES_S, None):
            answer = dynamodb.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(table, [])
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                break
            if pause_s is None:
                raise NotAcknowledged(f"DynamoDB is too busy to read {len(request[table]['Keys'])} items of {table}.")
            sleep(pause_s * random.uniform(0.5, 1))
