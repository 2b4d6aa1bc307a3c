"""The leaderboard table as LeaderGet reads it: entries by key, or a board's entries, best first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Protocol

from scorecast.api.cursor import Cursor
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.columns import tie_key
from scorecast.leaderboard.index.entries import EntryIndex, entry_index
from scorecast.leaderboard.item import BY_TIE, Item, StoredEntry, is_entry, item_key, participant_query, read_item
from scorecast.leaderboard.order_key import HIGHEST, score_order
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.runtime.pages import read_all, read_pages


class DynamoDb(BatchGetItem, Protocol):
    """The calls of the DynamoDB client that LeaderGet needs."""

    def query(self, **request: Any) -> dict[str, Any]: ...
    def get_item(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class EntryTable:
    """The entries of all boards, and their indexes: by score, and by the order of ties for boards that have one."""

    dynamodb: DynamoDb
    table: str
    index: str
    tie_index: str

    def get(self, board: str, participant: str) -> StoredEntry | None:
        """Read one participant's entry on a board; half a read unit."""
        item = self.dynamodb.get_item(TableName=self.table, Key=item_key(participant, board)).get("Item", {})
        return read_item(item) if is_entry(item) else None

    def get_many(self, board: str, participants: Sequence[str]) -> list[StoredEntry]:
        """Read the entries of these participants, as far as they are on the board; half a read unit each."""
        keys = [item_key(one, board) for one in participants]
        items = read_items(self.dynamodb, self.table, keys, consistent=False)
        return [read_item(item) for item in items if is_entry(item)]

    def on_boards(self, participant: str, boards: Sequence[str]) -> list[StoredEntry]:
        """Read a participant's entries on these boards; half a read unit each. Boards without an entry are omitted."""
        keys = [item_key(participant, board) for board in boards]
        items = read_items(self.dynamodb, self.table, keys, consistent=False)
        return [read_item(item) for item in items if is_entry(item)]

    def of_participant(self, participant: str, after_board: str, limit: int) -> list[StoredEntry]:
        """Read at most `limit` items of a participant, sorted by board, after a given board; includes tombstones."""
        request = participant_query(self.table, participant)
        if after_board:
            request["ExclusiveStartKey"] = item_key(participant, after_board)
        return [read_item(item) for item in query_first(self.dynamodb, request, limit)]

    def by(self, *, ties: bool) -> EntryIndex:
        """Return the index by score, or the index that orders ties."""
        return entry_index(self.dynamodb.query, self.table, self.index, self.tie_index, ties=ties)

    def of_board(self, board: str, policy: BoardPolicy) -> BoardEntries:
        """Return a board's entries in the order that its policy declares."""
        return BoardEntries(self.dynamodb, board, self.by(ties=policy.orders_ties), policy)


@dataclass(frozen=True, slots=True)
class BoardEntries:
    """The entries of one board, best first."""

    dynamodb: DynamoDb
    board: str
    index: EntryIndex
    policy: BoardPolicy

    @property
    def order(self) -> Order:
        """Which scores are better."""
        return self.policy.order

    def best(self, limit: int) -> list[StoredEntry]:
        """Read the first `limit` entries."""
        return self._read(self.index.request(self.board), limit)

    def worst(self, limit: int) -> list[StoredEntry]:
        """Read the last `limit` entries, worst first."""
        return self._read(self.index.request(self.board), limit, forward=False)

    def all(self, page: int) -> Iterator[StoredEntry]:
        """Read all entries, at most `page` per call."""
        request = self.index.request(self.board) | {"ScanIndexForward": self._is_best_first, "Limit": page}
        return map(read_item, read_all(self.dynamodb.query, request))

    def after(self, cursor: Cursor, limit: int) -> list[StoredEntry]:
        """Read the `limit` entries after a cursor, whether or not its entry is still there."""
        return self._read(self._from(cursor), limit)

    def from_score(self, score: Decimal | None, limit: int) -> list[StoredEntry]:
        """Read `limit` entries from a score on, or from the best if the score is None."""
        if score is None:
            return self.best(limit)
        if not self._is_best_first:
            return self._read(self.index.request(self.board, high=score_order(score) + HIGHEST), limit)
        return self.from_key(score_order(score, self.order), limit)

    def from_key(self, key: str, limit: int) -> list[StoredEntry]:
        """Read `limit` entries from an order key on, in an index where better entries have lower keys."""
        return self._read(self.index.request(self.board, low=key), limit)

    def beside(self, entry: StoredEntry, limit: int, *, above: bool) -> list[StoredEntry]:
        """Read the `limit` entries above or below an entry, nearest first."""
        return self._read(self._from(self.cursor(entry)), limit, forward=not above)

    def count_tied_before(self, entry: StoredEntry, most: int) -> int | None:
        """Count the entries with the same score that come before an entry; None if there are more than `most`."""
        key = score_order(entry.number, self.order if self._has_ties else Order.ASCENDING)
        request = self.index.request(self.board, key, key + HIGHEST) | self._start(self.cursor(entry))
        request |= {"ScanIndexForward": not self._is_best_first, "Select": "COUNT", "Limit": most + 1}
        count = 0
        for page in read_pages(self.dynamodb.query, request):
            count += page["Count"]
            if count > most:
                return None
        return count

    def cursor(self, entry: StoredEntry, tied: int = 0) -> Cursor:
        """Return the cursor at an entry; an entry from before its board ordered ties is placed by its last change."""
        tie = ""
        if self._has_ties:
            tie = entry.tie_order or tie_key(entry.number, (), self.policy, entry.at, entry.sequence)
        return Cursor(entry.id, str(entry.score), tied, tie)

    @property
    def _has_ties(self) -> bool:
        return self.index.keys is BY_TIE

    @property
    def _is_best_first(self) -> bool:
        return self.index.is_ascending(self.order)

    def _from(self, cursor: Cursor) -> Item:
        return self.index.request(self.board) | self._start(cursor)

    def _start(self, cursor: Cursor) -> Item:
        """Return where a query continues after a cursor."""
        keys = self.index.keys
        sort = {keys.board: {"S": self.board}, keys.sort: {keys.sort_type: cursor.tie or cursor.score}}
        return {"ExclusiveStartKey": item_key(cursor.id, self.board) | sort}

    def _read(self, request: Item, limit: int, *, forward: bool = True) -> list[StoredEntry]:
        """Read a query's first entries, going towards the board's worst entry, or towards its best."""
        request = request | {"ScanIndexForward": forward is self._is_best_first}
        return [read_item(item) for item in query_first(self.dynamodb, request, limit)]


def query_first(dynamodb: DynamoDb, request: dict[str, Any], limit: int) -> list[Item]:
    """Read the first `limit` items of a query, in as many pages as needed."""
    if not limit:
        return []
    return list(islice(read_all(dynamodb.query, request | {"Limit": limit}), limit))
