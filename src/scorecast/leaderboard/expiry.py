"""Expiry: both tables delete an item some days after the time in its `expiresAt`. Until then readers skip it. Pure.

All items of a board that expires have the same time, from its first entry on. So the whole board vanishes at that
moment, whenever and in whatever order DynamoDB deletes its items.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EXPIRES_AT = "expiresAt"

Item = dict[str, Any]


def expiry(expires_at: int | None) -> Item:
    """Return the attribute that makes an item expire, in epoch seconds; empty for an item that does not expire.

    >>> expiry(1893456000)
    {'expiresAt': {'N': '1893456000'}}
    """
    return {} if expires_at is None else {EXPIRES_AT: {"N": str(expires_at)}}


def has_expired(item: Mapping[str, Any], now: float) -> bool:
    """Whether an item's time has passed, so that DynamoDB may have deleted other items of its board."""
    return EXPIRES_AT in item and float(item[EXPIRES_AT]["N"]) <= now


def expiring(update: Item, expires_at: int | None) -> Item:
    """Return an update that also sets when the item expires; it may create the item."""
    if expires_at is None:
        return update
    first, _, rest = str(update["UpdateExpression"]).partition(" ")
    others = f", {rest}" if first == "SET" else f" {first} {rest}"
    return update | {
        "UpdateExpression": f"SET #expires = :expires{others}",
        "ExpressionAttributeNames": update.get("ExpressionAttributeNames", {}) | {"#expires": EXPIRES_AT},
        "ExpressionAttributeValues": update.get("ExpressionAttributeValues", {}) | {":expires": {"N": str(expires_at)}},
    }
