"""The library for consumers of the bus: read a delivery with exact values, and handle each event once and in order.

It needs only boto3 and the standard library.
"""

from scorecast.changes.claim_store import S3
from scorecast.consumer.received import Item, ReceivedChange, ReceivedStanding, read_change, read_standing
from scorecast.consumer.stores import DynamoStore, MemoryStore, Store, newest, once
from scorecast.errors import CannotRead, NotAcknowledged

__all__ = [
    "S3",
    "CannotRead",
    "DynamoStore",
    "Item",
    "MemoryStore",
    "NotAcknowledged",
    "ReceivedChange",
    "ReceivedStanding",
    "Store",
    "newest",
    "once",
    "read_change",
    "read_standing",
]
