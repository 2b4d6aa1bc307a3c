"""Upkeep: keep the ranges and pages of the counting index small while writes go on.

After a batch, ConsumerLambda picks some of the entries that it wrote at random, looks at their pages, and does what is
due there: split a full range, join ranges that hold few entries, cut a full page, join pages that have few ranges.
Nothing waits for this. Each step is one conditional write or one transaction, so several processes may work on one
page, and each may end anywhere: a board is exact in every state, and another process can continue from there.

A replacement of ranges takes these steps: write the new shape, with its move; raise the fence of all shards, so that
writers who know only the old shape fail and read it again; rewrite the entries that name the old ranges; when no entry
is counted there, write the shape without the move; in one transaction, raise the fence again and remove the old counts,
whose sum is zero, from all shards.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.index.entries import EntryIndex, entry_index
from scorecast.leaderboard.index.shape import FIRST, PAGE_RANGES, Move, Replacement, Shape, cuts, overdue
from scorecast.leaderboard.index.table import MIXED, ROOT, SHARDS, IndexTable, Node, Shard, id_text
from scorecast.leaderboard.item import Item, StoredEntry, is_entry, item_key, range_update, read_item
from scorecast.leaderboard.policy import BoardPolicy, Ties
from scorecast.runtime.aws import cancellation_codes, code_of
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.logs import logger
from scorecast.runtime.pages import read_all
from scorecast.standings.store import Result
from scorecast.standings.stored import to_entry, to_stored

# On average a page is looked at once per this many entries written on it. A look costs about five read units; a range
# outgrows RANGE_ENTRIES by this many entries on average before it is split.
ENTRIES_A_LOOK = 30
# Entries moved by one transaction; the page's counts are one more action.
MOVED_ENTRIES = 90
# A page with less than one in SPARSE of a full page's ranges is joined with the next, if both fit into half a page.
SPARSE = 4

Action = dict[str, Any]


class _DynamoDb(BatchGetItem, Protocol):
    def query(self, **request: Any) -> dict[str, Any]: ...
    def update_item(self, *, TableName: str, Key: Item, **update: Any) -> dict[str, Any]: ...
    def transact_write_items(self, *, TransactItems: list[Action]) -> dict[str, Any]: ...


class _Overtaken(Exception):
    """Another process changed what was read; leave the page to another look."""


@dataclass(frozen=True, slots=True)
class _Page:
    """A node whose parts are ranges, as just read; `root` is the shape above it, or None."""

    board: str
    id: str
    node: Node
    root: Shape | None
    ties: str

    @property
    def most_ranges(self) -> int:
        """How many ranges it may have; on a large board, as many as there are pages."""
        return max(PAGE_RANGES, len(self.root.ids) if self.root else 0)

    def holds(self, entry: StoredEntry) -> bool:
        """Whether this is the page of an entry."""
        return entry.board == self.board and self.node.shape.holds(entry.order_key(ties=bool(self.ties)))


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Does what is due on the pages of all boards."""

    dynamodb: _DynamoDb
    table: str
    score_index: str
    tie_index: str
    index: IndexTable
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[], float] = random.random

    def after(self, results: Iterable[Result], policies: Mapping[str, BoardPolicy], deadline: float) -> None:
        """Look at the pages of some of the entries that were written or replaced, until the clock's `deadline`.

        A page is looked at only once, however many of its entries are chosen.
        """
        entries = (entry for result in results for entry in (result.made, result.replaced))
        seen: list[_Page] = []
        for entry in entries:
            if entry is None or not entry.is_shown or self.draw() * ENTRIES_A_LOOK >= 1:
                continue
            if not any(page.holds(entry) for page in seen):
                seen += self.look_at(entry, policies[entry.board], deadline)

    def look_at(self, entry: StoredEntry, policy: BoardPolicy, deadline: float) -> list[_Page]:
        """Do what is due on the page that holds an entry's key, until nothing is left or the time is over.

        Returns the page, or an empty list if something interfered.
        """
        own = replace(self, index=replace(self.index, expires_at=policy.expires_at))
        page = None
        try:
            while self.clock() < deadline:
                page = own._page(entry, page.id if page else None)
                if not own._step(page, policy, deadline):
                    return [page]
        except _Overtaken:
            pass
        except (ClientError, BotoCoreError, NotAcknowledged) as error:
            logger.warning("standings could not look after the index of a board (%s)", code_of(error))
        return []

    def _step(self, page: _Page, policy: BoardPolicy, deadline: float) -> bool:
        """Do one step of what is due; return whether there may be more."""
        shape, counts = page.node.shape, page.node.counts
        if self._settle(page):
            return True
        if shape.move:
            if any(counts[one] for one in shape.move.old):
                return self._move_entries(page, shape.move, policy, deadline)
            self._write_shape(page, finished := shape.finished())
            self._remove(page, finished, shape.move.old)
            return True
        if due := overdue(shape, counts):
            return self._replace(page, due, policy, deadline)
        if len(shape.ids) > page.most_ranges:
            self._cut(page)
            return True
        return page.root is not None and self._join(page, page.root)

    def _page(self, entry: StoredEntry, known: str | None) -> _Page:
        """Read an entry's page consistently, in two round trips if it is still the `known` one, else in three."""
        root, shards = self.index.read_root(entry.board, shards_of=known)
        key = entry.order_key(ties=bool(root.ties))
        one = root.shape.id_at(key) if root.shape.is_inner else ROOT
        node = self._node(entry.board, one, shards if one == known else self.index.read_shards(entry.board, one))
        if not root.shape.is_inner:
            return _Page(entry.board, ROOT, node, None, root.ties)
        if not node.shape.holds(key) or not node.shape.version:
            raise _Overtaken
        return _Page(entry.board, one, node, root.shape, root.ties)

    def _node(self, board: str, one: str, shards: list[Shard]) -> Node:
        """Read a node's shape after its counts, so that a range that is not in the shape is gone."""
        return replace(self.index.read_shape(board, one), shards=shards)

    def _settle(self, page: _Page) -> bool:
        """Raise the fence of each shard to the version of the shape; return whether there was one to raise.

        If there was none, remove counts of ranges that are gone; that can wait if a writer interferes.
        """
        shape, shards = page.node.shape, page.node.shards
        late = [number for number, shard in enumerate(shards) if shard.fence < shape.version]
        self._raise_fences(page, shape, late)
        gone = page.node.counts.keys() - shape.known
        if gone and not late:
            self._remove(page, shape, gone)
        return bool(late)

    def _raise_fences(self, page: _Page, shape: Shape, shards: Iterable[int] = range(SHARDS)) -> None:
        for number in shards:
            self._update(self.index.fence_update(page.board, page.id, number, shape.version))

    def _remove(self, page: _Page, shape: Shape, gone: Iterable[str]) -> None:
        """Raise the fence of all shards, and remove counts of ranges that are gone, unless a writer interferes."""
        with suppress(_Overtaken):
            self._transact(self.index.removal_actions(page.board, page.id, shape.version, sorted(gone)))

    # ------------------------------------------------------------ ranges

    def _replace(self, page: _Page, due: Replacement, policy: BoardPolicy, deadline: float) -> bool:
        """Begin to replace ranges, and move the entries read to decide the cuts; return whether that was possible."""
        ties, is_first_cut, entries = page.ties, not page.node.shape.version, list[StoredEntry]()
        if is_first_cut:
            ties = policy.key_order if policy.orders_ties else ""
        starts = [due.low]
        if due.parts > 1:
            entries = list(self._between(self._entries(ties), page.board, due.low, due.high))
            if is_first_cut and ties and (len(entries) < page.node.total or not _follow(entries, ties)):
                return False  # the index lags, or entries from before the policy have no place among ties yet
            keys = [entry.order_key(ties=bool(ties)) for entry in entries]
            starts += cuts(keys, due.low, due.high, due.parts)
            if len(starts) == 1:
                return False
        ids, before = self._new_ids(page.board, len(starts)), page.node.shape
        shape = before.replaced(due.low, due.high, starts, ids)
        page = replace(page, ties=ties, node=replace(page.node, shape=shape))
        self._write_shape(page, shape)
        self._raise_fences(page, shape)
        # Nearly all entries name the range that held their key, so none is read again; the next step moves the rest.
        named = (replace(one, range=_range_of(one, before, ties)) for one in entries)
        self._move_all(cut_batches(named, MOVED_ENTRIES), page, policy, deadline)
        return True

    def _move_entries(self, page: _Page, move: Move, policy: BoardPolicy, deadline: float) -> bool:
        """Find the entries of a move, and move them; return whether any was."""
        # The first cut moves all entries, and entries from before it may have no place among ties.
        index = self._entries("" if FIRST in move.old else page.ties)
        found = self._between(index, page.board, move.low, move.high)
        return self._move_all(map(self._read_again, cut_batches(found, MOVED_ENTRIES)), page, policy, deadline)

    def _move_all(
        self, batches: Iterable[Sequence[StoredEntry]], page: _Page, policy: BoardPolicy, deadline: float
    ) -> bool:
        """Move the entries that name an old range, until the deadline; return whether any were moved."""
        moved = 0
        for batch in batches:
            if self.clock() >= deadline:
                break
            moved += self._move(batch, page, policy)
        return moved > 0

    def _read_again(self, entries: Sequence[StoredEntry]) -> list[StoredEntry]:
        """Read entries as they are now."""
        keys = [item_key(*entry.key) for entry in entries]
        items = read_items(self.dynamodb, self.table, keys, consistent=True)
        return [read_item(item) for item in items if is_entry(item)]

    def _move(self, entries: Sequence[StoredEntry], page: _Page, policy: BoardPolicy) -> int:
        """Move the entries that name an old range, in one transaction; return how many were moved.

        Entries that change meanwhile are left to their own writers or to the next look.
        """
        moved = [entry for entry in entries if (entry.range or FIRST) in page.node.shape.old]
        if not moved:
            return 0
        placed = [_placed(entry, policy, page.ties) for entry in moved]
        if not _follow(placed, page.ties):
            self._update(self.index.mixed_update(page.board))
            raise _Overtaken
        after = [page.node.shape.id_at(entry.order_key(ties=bool(page.ties))) for entry in placed]
        counted = Counter(after)
        counted.subtract(entry.range or FIRST for entry in moved)
        changes = {one: delta for one, delta in counted.items() if delta}
        updates = zip(moved, after, (entry.tie_order for entry in placed), strict=True)
        actions: list[Action] = [{"Update": self._move_update(*update)} for update in updates]
        shard, version = random.randrange(SHARDS), page.node.shape.version
        actions.append(self.index.count_action(page.board, page.id, changes, shard, page.node.at, version))
        try:
            self.dynamodb.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if not (codes := cancellation_codes(error)):
                raise
            *refused, counts = (code != "None" for code in codes)
            left = [entry for entry, is_refused in zip(moved, refused, strict=True) if not is_refused]
            return 0 if counts or len(left) == len(moved) else self._move(left, page, policy)
        return len(moved)

    def _move_update(self, entry: StoredEntry, after: str, tie_order: str) -> Item:
        """The update that sets an entry's range, if its order and its range have not changed."""
        update: Item = {"TableName": self.table} | range_update(entry, after, tie_order)
        if entry.range:
            update["ExpressionAttributeValues"][":before"] = {"S": entry.range}
        update["ConditionExpression"] += " AND #range = :before" if entry.range else " AND attribute_not_exists(#range)"
        return update

    # ------------------------------------------------------------ pages

    def _cut(self, page: _Page) -> None:
        """Cut a page in two, in one transaction; if it was the root, the root becomes a node of two pages."""
        lower, upper = page.node.shape.cut()
        if page.root is None:
            low, high = self._new_ids(page.board, 2)
            shape = page.node.shape
            root = Shape(shape.version + 1, (lower.low, upper.low), (low, high), shape.high, is_inner=True)
            sums = [{low: _sum(shard, lower), high: _sum(shard, upper)} for shard in page.node.shards]
            actions = self._write_node(page, ROOT, root, sums, page.node)
            actions += self._write_node(page, low, replace(lower, version=1), _shares(page.node, lower), None)
        else:
            [high] = self._new_ids(page.board, 1)
            root, moved = page.root.with_part(upper.low, high), _sum(page.node, upper)
            changes = {page.id: -moved, high: moved}
            actions = [{"Update": self.index.shape_update(page.board, ROOT, root, ties=page.ties)}]
            actions.append(self.index.count_action(page.board, ROOT, changes, 0, page.node.at, None))
            actions += self._write_node(page, page.id, lower, _shares(page.node, lower), page.node)
        actions += self._write_node(page, high, upper, _shares(page.node, upper), None)
        self._transact(actions)

    def _join(self, page: _Page, root: Shape) -> bool:
        """Join a page that has few ranges with the next one, in one transaction; return whether that was due."""
        at = root.ids.index(page.id)
        if len(page.node.shape.ids) * SPARSE > page.most_ranges or at + 1 == len(root.ids):
            return False
        other = root.ids[at + 1]
        upper = self._node(page.board, other, self.index.read_shards(page.board, other))
        ranges = len(page.node.shape.ids) + len(upper.shape.ids)
        if ranges * 2 > page.most_ranges or upper.shape.move or not upper.shape.version or upper.is_newer:
            return False
        shape = page.node.shape.joined(upper.shape)
        counts = [one.counts | more.counts for one, more in zip(page.node.shards, upper.shards, strict=True)]
        actions = self._write_node(page, page.id, shape, counts, page.node)
        actions += self.index.delete_actions(page.board, other, upper)
        actions.append({"Update": self.index.shape_update(page.board, ROOT, root.without_part(other), ties=page.ties)})
        actions += [self.index.fold_action(page.board, shard, page.id, other) for shard in range(SHARDS)]
        self._transact(actions)
        return True

    def _write_node(
        self, page: _Page, one: str, shape: Shape, counts: Sequence[Mapping[str, int]], replaced: Node | None
    ) -> list[Action]:
        """The actions that write a node in place of the one that was read, if that has not been written since."""
        actions: list[Action] = [{"Update": self.index.shape_update(page.board, one, shape, ties=page.ties)}]
        for number, some in enumerate(counts):
            before = replaced.shards[number] if replaced else Shard()
            shard = Shard(dict(some), shape.version, before.updates + 1, before.at or page.node.at)
            actions.append(self.index.shard_put(page.board, one, number, shard, before))
        return actions

    # ------------------------------------------------------------ calls

    def _entries(self, ties: str) -> EntryIndex:
        return entry_index(self.dynamodb.query, self.table, self.score_index, self.tie_index, ties=bool(ties))

    @staticmethod
    def _between(entries: EntryIndex, board: str, low: str, high: str) -> Iterable[StoredEntry]:
        return map(read_item, read_all(entries.query, entries.request(board, low, high)))

    def _new_ids(self, board: str, many: int) -> list[str]:
        """Allocate ids that no other process gets."""
        answer = self.dynamodb.update_item(**self.index.ids_update(board, many))
        last = int(answer["Attributes"]["next"]["N"])
        return [id_text(number) for number in range(last - many + 1, last + 1)]

    def _write_shape(self, page: _Page, shape: Shape) -> None:
        self._update(self.index.shape_update(page.board, page.id, shape, ties=page.ties))

    def _update(self, update: Item) -> None:
        try:
            self.dynamodb.update_item(**update)
        except ClientError as error:
            if code_of(error) in ("ConditionalCheckFailedException", "TransactionConflictException"):
                raise _Overtaken from None
            raise

    def _transact(self, actions: list[Action]) -> None:
        try:
            self.dynamodb.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if cancellation_codes(error):
                raise _Overtaken from None
            raise


def _range_of(entry: StoredEntry, shape: Shape, ties: str) -> str:
    """The range that an entry names if it is counted by its key in a shape."""
    one = shape.id_at(entry.order_key(ties=bool(ties)))
    return "" if one == FIRST else one


def _placed(entry: StoredEntry, policy: BoardPolicy, ties: str) -> StoredEntry:
    """Return an entry with a place among ties, if its board is cut by ties and its writer did not know that yet.

    A stored entry lacks the columns of its change, so its place does not follow an order by columns.
    """
    if entry.tie_order or not ties:
        return entry
    by_time = replace(policy, ties=Ties.EARLIEST, then_by="")
    return replace(entry, tie_order=to_stored(to_entry(entry, by_time), by_time, ties).tie_order)


def _follow(entries: Iterable[StoredEntry], ties: str) -> bool:
    """Whether the keys of entries follow the order of ties that their board is cut by."""
    if ties in ("", MIXED):
        return True
    return all(entry.follows(ties) for entry in entries)


def _shares(node: Node, half: Shape) -> list[dict[str, int]]:
    """The counts of half of a node, shard by shard."""
    return [{one: count for one, count in shard.counts.items() if one in half.ids} for shard in node.shards]


def _sum(counted: Node | Shard, half: Shape) -> int:
    """The number of entries in half of a node, or of one of its shards."""
    return sum(counted.counts.get(one, 0) for one in half.ids)
