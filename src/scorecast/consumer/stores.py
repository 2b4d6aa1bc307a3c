"""Stores: what a consumer remembers, so that it handles each event once, and no change after a newer one of the item.

A delivery that another process is handling raises NotAcknowledged: let it be delivered again. So does an effect that
took longer than its lease, because another process may have begun it. If the process ends after the effect but before
the store has noted it, the effect happens again.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol

from botocore.exceptions import ClientError

from scorecast.consumer.received import ReceivedChange, ReceivedStanding
from scorecast.errors import NotAcknowledged
from scorecast.runtime.aws import code_of

_DAY_S = 24 * 3600
# A longer key is hashed. A partition key of DynamoDB has up to 2,048 bytes, the keys of an item 3,072 together.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_KEY_BYTES = 2048


class Store(Protocol):
    """Begins and ends the handling of a key at an order. A consumer calls `once` and `newest` instead."""

    def begin(self, key: str, order: str) -> str | None:
        """Return a lease, or None if the key was already handled at this order or a greater one."""

    def finish(self, key: str, order: str, lease: str) -> None:
        """Note that the key was handled at the order."""

    def release(self, key: str, lease: str) -> None:
        """Give a lease back without a note."""


@contextmanager
def once(store: Store, event: ReceivedChange | ReceivedStanding) -> Iterator[bool]:
    """Yield True if the event was not handled yet. It counts as handled when the block ends without an error.

    >>> store, event = MemoryStore(), ReceivedStanding("e1", "LeftTop", "StarWar", "2026-01-01T00:00:00Z", {})
    >>> for delivery in (event, event):
    ...     with once(store, delivery) as is_first:
    ...         print(is_first)
    True
    False
    """
    with _handling(store, f"id/{event.id}", "1") as begun:
        yield begun


@contextmanager
def newest(store: Store, change: ReceivedChange) -> Iterator[bool]:
    """Yield True if the change is newer than every handled change of its item.

    The change is noted when the block ends without an error. Until then no other change of the item is handled. A
    repeated delivery is not newer, so `once` is not needed as well.
    """
    with _handling(store, f"item/{change.item}", change.order) as begun:
        yield begun


@contextmanager
def _handling(store: Store, key: str, order: str) -> Iterator[bool]:
    lease = store.begin(key, order)
    if lease is None:
        yield False
        return
    try:
        yield True
    except BaseException:
        store.release(key, lease)
        raise
    store.finish(key, order, lease)


class MemoryStore:
    """A store in this process, for tests and for consumers that read everything again when they start."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._handled: dict[str, str] = {}
        self._leased: set[str] = set()

    def begin(self, key: str, order: str) -> str | None:
        """See Store."""
        with self._lock:
            if self._handled.get(key, "") >= order:
                return None
            if key in self._leased:
                raise NotAcknowledged(f"{key} is being handled by another thread.")
            self._leased.add(key)
            return key

    def finish(self, key: str, order: str, lease: str) -> None:
        """See Store."""
        with self._lock:
            self._handled[key] = order
            self._leased.discard(lease)

    def release(self, key: str, lease: str) -> None:
        """See Store."""
        with self._lock:
            self._leased.discard(lease)


class DynamoStore:
    """A store in a DynamoDB table whose partition key is `id`, a text; two writes for each event.

    `dynamodb` is boto3.client("dynamodb"). Let DynamoDB delete old items by the attribute `expiresAt` (TTL).
    """

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        lease_s: int = 60,
        keep_days: int = 30,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock
        self._lease_s, self._keep_s = lease_s, keep_days * _DAY_S

    def begin(self, key: str, order: str) -> str | None:
        """See Store; a lease ends after `lease_s` seconds."""
        lease, now = uuid.uuid4().hex, self._clock()
        refused = self._update(
            key,
            "SET #lease = :lease, leasedUntil = :until, expiresAt = :expires, #order = if_not_exists(#order, :none)",
            "attribute_not_exists(id) OR #order < :order AND leasedUntil < :now",
            order=order,
            lease=lease,
            none="",
            until=now + self._lease_s,
            expires=int(now + self._keep_s),
            now=now,
        )
        # A call that was repeated because its answer was lost finds the lease that it took itself.
        if refused is None or refused["lease"]["S"] == lease:
            return lease
        if refused["order"]["S"] >= order:
            return None
        raise NotAcknowledged(f"{key} is being handled by another process.")

    def finish(self, key: str, order: str, lease: str) -> None:
        """See Store."""
        end = "SET #order = :order, leasedUntil = :ended"
        if self._update(key, end, "#lease = :lease", order=order, lease=lease, ended=0) is not None:
            raise NotAcknowledged(f"Handling {key} took longer than {self._lease_s} s, and another process began it.")

    def release(self, key: str, lease: str) -> None:
        """See Store; does nothing if the lease has already ended."""
        self._update(key, "SET leasedUntil = :ended", "#lease = :lease", lease=lease, ended=0)

    def _update(self, key: str, update: str, condition: str, **values: Any) -> dict[str, Any] | None:
        """Update an item; if it does not meet the condition, return the item as it is."""
        names = {f"#{name}": name for name in ("order", "lease") if f"#{name}" in update + condition}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": {"S": _short(key)}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{name}": _typed(value) for name, value in values.items()},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return error.response.get("Item", {})  # type: ignore[return-value]
        return None


def _short(key: str) -> str:
    raw = key.encode()
    return key if len(raw) <= _KEY_BYTES else f"sha256/{hashlib.sha256(raw).hexdigest()}"


def _typed(value: str | float) -> dict[str, str]:
    return {"S": value} if isinstance(value, str) else {"N": str(value)}
