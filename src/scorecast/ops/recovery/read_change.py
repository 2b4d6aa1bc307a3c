"""READ changes: items of the main table in the form of changes that never overwrite anything newer (docs/adr/0014).

A READ carries the stream and the sequence that the entry had *before* its item was read (without an entry, the current
stream and zeros), and the time of the read. So it loses against every later change, and against every change that the
entry already contains. It adds a missing entry, and corrects an entry whose last change was lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scorecast.changes.change import SEQUENCE_DIGITS, Change, Position, iso_now, stream_label, with_label
from scorecast.changes.values import Image
from scorecast.errors import CannotApply, UserError
from scorecast.leaderboard.batch_get import read_items
from scorecast.leaderboard.item import Key, StoredEntry, item_key, read_item
from scorecast.ops.stack.stack import Stack
from scorecast.ops.stack.typed_json import for_sdk, in_json
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.entry import Entry, entries_of, with_stream

NEVER = "0" * SEQUENCE_DIGITS
"""The sequence of an item without a known change: every change is newer."""


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Reads items of a table as READ changes; `key_names` are the names of the table's keys."""

    dynamodb: Any
    table: str
    stream_arn: str
    key_names: tuple[str, ...]
    leaderboard: str
    attributes: AttributeNames
    now: Callable[[], str] = iso_now

    def read(self, found: Sequence[Image]) -> list[Change]:
        """Return a READ of each item that a scan has just found; an item that makes an entry must still exist.

        The entries are read first, and then the items again; in the other order an old item could get a newer sequence.
        """
        scored = [item for item in found if self.entry_of(item)]
        plain = [self.change(item, self.never, self.now()) for item in found if not self.entry_of(item)]
        positions = self.positions(entry.key for entry in map(self.entry_of, scored) if entry)
        at = self.now()
        return plain + [self.change(item, self._carried(item, positions), at) for item in self._again(scored)]

    @property
    def never(self) -> Position:
        """The position of an item without a known change; every change of the current stream is newer."""
        return stream_label(self.stream_arn), NEVER

    def _carried(self, item: Image, positions: dict[Key, Position]) -> Position:
        entry = self.entry_of(item)
        return positions.get(entry.key, self.never) if entry else self.never

    def positions(self, keys: Iterable[Key]) -> dict[Key, Position]:
        """Read the positions of the entries and tombstones at some keys."""
        asked = [item_key(*key) for key in dict.fromkeys(keys)]
        items = read_items(self.dynamodb, self.leaderboard, asked, consistent=True)
        return {entry.key: self._position_of(entry) for entry in map(read_item, items)}

    def _position_of(self, entry: StoredEntry) -> Position:
        """The position of an entry; for one without a stream, and older than the current stream, the oldest in that."""
        version = with_stream((entry.stream, entry.sequence or NEVER, entry.at), [self.never[0]])
        return version[:2] if version[0] else self.never

    def _again(self, items: Sequence[Image]) -> list[Image]:
        keys = [for_sdk(self._keys(item)) for item in items]
        return [in_json(item) for item in read_items(self.dynamodb, self.table, keys, consistent=True)]

    def entry_of(self, item: Image) -> Entry | None:
        """Return the entry that an item makes, or None."""
        try:
            entries = entries_of(self.change(item, self.never, ""), self.attributes)
        except CannotApply:
            return None
        return entries[0] if entries else None

    def change(self, item: Image, position: Position, at: str) -> Change:
        """Make the READ of an item; its stream is the position's, which may no longer exist."""
        keys = self._keys(item)
        label, sequence = position
        stream_arn = with_label(self.stream_arn, label)
        about = json.dumps([stream_arn, keys, sequence, at], sort_keys=True)
        name = f"read-{hashlib.sha256(about.encode()).hexdigest()[:32]}"
        return Change(name, stream_arn, "READ", keys, new=item, old=None, sequence=sequence, at=at)

    def _keys(self, item: Image) -> Image:
        return {name: item[name] for name in self.key_names}


def item_reader_of(stack: Stack) -> ItemReader:
    """Make the reader of a stack's main table; refuses a table without a stream."""
    dynamodb, table = stack.client("dynamodb"), stack.output("MainTableName")
    description = dynamodb.describe_table(TableName=table)["Table"]
    if "LatestStreamArn" not in description:
        raise UserError(f"The table {table} has no stream, so its changes have no stream ARN: enable the stream first.")
    return ItemReader(
        dynamodb=dynamodb,
        table=table,
        stream_arn=description["LatestStreamArn"],
        key_names=tuple(key["AttributeName"] for key in description["KeySchema"]),
        leaderboard=stack.output("LeaderboardTableName"),
        attributes=stack.attributes,
    )
