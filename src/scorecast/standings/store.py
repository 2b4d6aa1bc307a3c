"""The leaderboard table: entries and the counters of the index, changed together or not at all.

A transaction writes an entry, conditional on the version that was read, and updates the counters: one less in the
replaced entry's range, one more in the new entry's range. So the result is the same despite concurrent writers,
repeats, lost answers, changes in any order, and an index that is cut meanwhile.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from types import MappingProxyType
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.board_list import board_item
from scorecast.leaderboard.index.table import ROOT, SHARDS, IndexTable
from scorecast.leaderboard.item import HIDDEN, RANGE, Item, Key, StoredEntry, item_key, make_item, read_item
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy
from scorecast.runtime.aws import cancellation_codes, code_of
from scorecast.standings.backoff import TRANSACTION_ACTIONS, Backoff
from scorecast.standings.entry import Entry
from scorecast.standings.score_history import entry_after
from scorecast.standings.shapes import KnownShapes, ShapeTable
from scorecast.standings.stored import to_entry, to_stored

# Failures that no retry resolves, as errors of the call and as reasons of an action. All others may pass, among the
# reasons ThrottlingError, ProvisionedThroughputExceeded, TransactionConflict and ConditionalCheckFailed (read again).
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_PERMANENT = {"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded"}

# Outcomes that say nothing against the entry itself: no failure, another entry's failure, a newer version, and no time
# left to try.
_HELD_UP = "HeldUp"
_NO_TIME = "NoTimeLeft"
_BATCHABLE = {"", _HELD_UP, _NO_TIME, "ConditionalCheckFailed"}

# The attributes of a replaced entry that must be unchanged.
_VERSIONED = ("sequence", "at", "stream", "history", "named", RANGE, HIDDEN)

_Made = tuple[Entry, StoredEntry | None, BoardPolicy]
"""An entry to write, the item at its key, and the board's policy."""
_Stored = tuple[StoredEntry, StoredEntry | None]
"""An entry as it is to be stored, and the item at its key."""

NO_POLICIES: Mapping[str, BoardPolicy] = MappingProxyType({})
"""No board has a policy."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a write: the `entry` if it was written, an `error_code` if it failed; neither if it was stale.

    `made` is the written entry as stored, `replaced` what was there before.
    """

    entry: Entry | None = None
    error_code: str = ""
    reason: str = ""
    made: StoredEntry | None = None
    replaced: StoredEntry | None = None

    @property
    def applied(self) -> bool:
        """Whether the entry was written."""
        return self.entry is not None

    @property
    def failed(self) -> bool:
        """Whether the entry has yet to be written."""
        return bool(self.error_code)

    @property
    def batchable(self) -> bool:
        """Whether the entry may be tried again in a transaction of any size."""
        return self.error_code in _BATCHABLE

    @property
    def permanent(self) -> bool:
        """Whether the write failed and no retry can succeed."""
        return self.error_code in _PERMANENT


_STALE = Result()
_TOO_LATE = Result(error_code=_NO_TIME)


class _DynamoDb(BatchGetItem, Protocol):
    def put_item(self, *, TableName: str, Item: Item) -> dict[str, Any]: ...
    def update_item(self, *, TableName: str, Key: Item, **update: Any) -> dict[str, Any]: ...
    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Replacement:
    """An entry to write, and as stored; the item at its key (None if there is none); the changes of the counts.

    `expires_at` is the board's.
    """

    entry: Entry
    made: StoredEntry
    current: StoredEntry | None
    changes: Mapping[str, Mapping[str, int]]
    expires_at: int | None

    @property
    def nodes(self) -> set[str]:
        """The nodes of the index that the replacement updates; the root is always one."""
        return {ROOT, *self.changes}


@dataclass(slots=True)
class Leaderboard:
    """The entries, the list of boards and the counters, for one writer."""

    dynamodb: _DynamoDb
    table: str
    board_table: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _known_boards: set[str] = field(default_factory=set)
    # A writer keeps its shard until it meets another writer there, so a few writers soon have one each.
    _shard: int = field(default_factory=lambda: random.randrange(SHARDS))
    index: IndexTable = field(init=False)
    shapes: ShapeTable = field(init=False)

    def __post_init__(self) -> None:
        self.index = IndexTable(self.dynamodb, self.board_table)
        self.shapes = ShapeTable(self.index)

    def write(
        self, entries: Iterable[Entry], policies: Mapping[str, BoardPolicy] = NO_POLICIES, deadline: float = inf
    ) -> dict[Key, Result]:
        """Write entries by the policies of their boards until the clock's `deadline`; return the result for each key.

        One call reads up to 100 entries; one call writes as many as fit, with their nodes, into 100 actions. Costs a
        read unit and a transactional write per key, and two write units per node and transaction.
        """
        entries = list(entries)
        results = self._register(entries, policies)
        waiting: dict[Key, list[Entry]] = {}
        for entry in entries:
            if entry.key not in results:
                waiting.setdefault(entry.key, []).append(entry)
        backoff = Backoff()
        while waiting:
            results |= self._write_once(waiting, policies, results, backoff.width, deadline)
            left = {key: some for key, some in waiting.items() if results[key].failed and not results[key].permanent}
            backoff.after_round(len(left) < len(waiting), sum(not results[key].batchable for key in left))
            waiting, pause_s = left, backoff.pause_s() if not backoff.is_exhausted else inf
            if not waiting or self.clock() + pause_s >= deadline or pause_s == inf:
                break
            self.sleep(pause_s)
        return results

    def hide(self, key: Key, policy: BoardPolicy, reason: str) -> Result:
        """Hide the entry or tombstone at a key for a reason, or, with an empty reason, show it again.

        The result is stale if there is nothing at the key, or nothing to change. Costs as much as writing the entry.
        """
        backoff = Backoff()
        while True:
            result = self._hide_once(key, policy, reason)
            backoff.after_round(False, 1)
            if not result.failed or result.permanent or backoff.is_exhausted:
                return result
            self.sleep(backoff.pause_s())

    def _hide_once(self, key: Key, policy: BoardPolicy, reason: str) -> Result:
        try:
            current = self._read([key]).get(key)
        except (ClientError, BotoCoreError, NotAcknowledged) as error:
            return _failure(error)
        if current is None or current.hidden == reason:
            return _STALE
        hidden = replace(to_entry(current, policy), hidden=reason)
        return self._write_board(key[1], [(hidden, current, policy)], {}, 1, inf)[key]

    def _register(self, entries: Sequence[Entry], policies: Mapping[str, BoardPolicy]) -> dict[Key, Result]:
        """Add boards to their list before their first entry is written, so that every entry is on a listed board.

        Returns a failure for each entry whose board could not be listed.
        """
        failures: dict[str, Result] = {}
        for board in sorted({entry.board for entry in entries if entry.score is not None} - self._known_boards):
            item = board_item(board, policies.get(board, DEFAULT))
            try:
                self.dynamodb.put_item(TableName=self.board_table, Item=item)
                self._known_boards.add(board)
            except (ClientError, BotoCoreError) as error:
                failures[board] = _failure(error)
        return {entry.key: failures[entry.board] for entry in entries if entry.board in failures}

    def _write_once(
        self,
        waiting: Mapping[Key, Sequence[Entry]],
        policies: Mapping[str, BoardPolicy],
        earlier: Mapping[Key, Result],
        width: int,
        deadline: float,
    ) -> dict[Key, Result]:
        """Read and write once; at most `width` entries that caused an earlier failure share a transaction."""
        try:
            self.shapes.learn(board for _, board in waiting)
            current = self._read({*waiting, *(base for key in waiting if (base := _base_of(key, policies)))})
        except (ClientError, BotoCoreError, NotAcknowledged) as error:
            return {key: _failure(error) for key in waiting}
        results = dict.fromkeys(waiting, _STALE)
        for board, keys in _by_board(waiting).items():
            policy = policies.get(board, DEFAULT)
            made = [
                (replace(entry, hidden=_why_hidden(key, current, policies)), stored, policy)
                for key, stored in zip(keys, map(current.get, keys), strict=True)
                if (entry := entry_after(to_entry(stored, policy) if stored else None, waiting[key], policy))
            ]
            results |= self._write_board(board, made, earlier, width, deadline)
        return results

    def _write_board(
        self, board: str, entries: Sequence[_Made], earlier: Mapping[Key, Result], width: int, deadline: float
    ) -> dict[Key, Result]:
        """Write entries of one board, in as few transactions as possible."""
        try:
            shapes, replacements = self._replacements(board, entries)
        except (ClientError, BotoCoreError, NotAcknowledged) as error:
            return {entry.key: _failure(error) for entry, _, _ in entries}
        failed = [one for one in replacements if not earlier.get(one.entry.key, _STALE).batchable]
        others = [one for one in replacements if earlier.get(one.entry.key, _STALE).batchable]
        results: dict[Key, Result] = {}
        for chunk in [*_chunks(others), *_chunks(failed, width)]:
            has_time = self.clock() < deadline
            results |= self._transact(chunk, shapes) if has_time else {one.entry.key: _TOO_LATE for one in chunk}
        return results

    def _read(self, keys: Iterable[Key]) -> dict[Key, StoredEntry]:
        """Read the current entries and tombstones at some keys."""
        asked = [item_key(*key) for key in keys]
        items = read_items(self.dynamodb, self.table, asked, consistent=True, sleep=self.sleep)
        return {stored.key: stored for stored in map(read_item, items)}

    def _replacements(self, board: str, made: Sequence[_Made]) -> tuple[KnownShapes, list[_Replacement]]:
        """Return what to write, and the shapes by which it is counted."""
        shapes, stored = self._stored(board, made)
        if not all(shapes.knows(current) for _, current in stored if current):
            # The range was made after the shapes were read, or somebody wrote the entry by hand.
            self.shapes.forget(board)
            shapes, stored = self._stored(board, made)
        placed = [(shapes.placed(one), current) for one, current in stored]
        return shapes, [
            _Replacement(entry, one, current, shapes.changes(current, one), policy.expires_at)
            for (entry, _, policy), (one, current) in zip(made, placed, strict=True)
        ]

    def _stored(self, board: str, made: Sequence[_Made]) -> tuple[KnownShapes, list[_Stored]]:
        """Return the shapes of a board, and pairs of what to store (without ranges yet) and what is stored."""
        while True:
            ties = self.shapes.of(board, []).ties
            stored = [(to_stored(entry, policy, ties), current) for entry, current, policy in made]
            shapes = self.shapes.of(board, [one for pair in stored for one in pair if one and one.is_shown])
            if shapes.ties != ties:
                continue  # it has since been cut or marked
            if not any(shapes.mixes(policy.key_order) for entry, _, policy in made if entry.score is not None):
                return shapes, stored
            self._mark_mixed(board)
            self.shapes.forget(board)

    def _mark_mixed(self, board: str) -> None:
        """Mark a board as having keys of several orders, unless it has been cut by score since its shape was read."""
        try:
            self.dynamodb.update_item(**self.index.mixed_update(board))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def _transact(self, chunk: Sequence[_Replacement], shapes: KnownShapes) -> dict[Key, Result]:
        """Write replacements on one board, and update its counters, in one transaction."""
        board = chunk[0].entry.board
        puts = [{"Put": self._put(one)} for one in chunk]
        try:
            self.dynamodb.transact_write_items(TransactItems=puts + self._counts(board, chunk, shapes))
        except ClientError as error:
            reasons = error.response.get("CancellationReasons")
            if reasons:
                failures = set(cancellation_codes(error)[len(chunk) :])
                if "ConditionalCheckFailed" in failures:
                    self.shapes.forget(board)
                if "TransactionConflict" in failures:
                    self._shard = random.randrange(SHARDS)
                # Reasons are in the order of the actions; an entry without a reason failed because of another one.
                return {one.entry.key: _reason(reason) for one, reason in zip(chunk, reasons, strict=False)}
            if len(chunk) > 1 and code_of(error) in _PERMANENT:
                # One invalid entry makes DynamoDB reject the call: each entry gets a call of its own.
                return {key: result for one in chunk for key, result in self._transact([one], shapes).items()}
            return {one.entry.key: _failure(error) for one in chunk}
        except BotoCoreError as error:
            return {one.entry.key: _failure(error) for one in chunk}
        return {one.entry.key: Result(one.entry, made=one.made, replaced=one.current) for one in chunk}

    def _counts(self, board: str, chunk: Sequence[_Replacement], shapes: KnownShapes) -> list[dict[str, Any]]:
        """The actions that count the replacements: one per page, and one for the root, which notes the time."""
        total: dict[str, Counter[str]] = {ROOT: Counter()}
        for one in chunk:
            for node, changes in one.changes.items():
                total.setdefault(node, Counter()).update(changes)
        at, index = iso_now(), replace(self.index, expires_at=chunk[0].expires_at)
        deltas = {node: {one: delta for one, delta in counts.items() if delta} for node, counts in total.items()}
        return [
            index.count_action(board, node, counts, self._shard, at, shapes.version_of(node))
            for node, counts in deltas.items()
            if counts or node == ROOT
        ]

    def _put(self, replacement: _Replacement) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self.table, "Item": make_item(replacement.made)}
        current = replacement.current
        if current is None:
            return put | {"ConditionExpression": "attribute_not_exists(id)"}
        # A late change can alter an entry's history, score or name without being its newest change; upkeep moves
        # entries from range to range. An entry that somebody added by hand may lack a version.
        texts = {name: getattr(current, name) for name in _VERSIONED}
        values = {f":{name}": {"S": text} for name, text in texts.items() if text}
        conditions = [f"#{name} = :{name}" if texts[name] else f"attribute_not_exists(#{name})" for name in texts]
        return put | {
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": {f"#{name}": name for name in texts},
            **({"ExpressionAttributeValues": values} if values else {}),
        }


def _base_of(key: Key, policies: Mapping[str, BoardPolicy]) -> Key | None:
    """The key of the participant's entry on the base board, whose being hidden hides this entry too."""
    policy = policies.get(key[1], DEFAULT)
    base = policy.base or policy.copy_of
    return (key[0], base) if base else None


def _why_hidden(key: Key, current: Mapping[Key, StoredEntry], policies: Mapping[str, BoardPolicy]) -> str:
    """Why an entry is hidden: its present reason, or, if the entry is new, that of the entry on the base board."""
    base = _base_of(key, policies)
    found = current.get(key) or (current.get(base) if base else None)
    return found.hidden if found else ""


def _by_board(keys: Iterable[Key]) -> dict[str, list[Key]]:
    boards: dict[str, list[Key]] = {}
    for key in keys:
        boards.setdefault(key[1], []).append(key)
    return boards


def _chunks(replacements: Iterable[_Replacement], width: int = TRANSACTION_ACTIONS) -> Iterator[list[_Replacement]]:
    """Cut into transactions of at most `width` entries, sorted by node so that neighbours share counters."""
    chunk: list[_Replacement] = []
    nodes = {ROOT}
    for one in sorted(replacements, key=lambda one: sorted(one.nodes)):
        if chunk and (len(chunk) >= width or len(chunk) + 1 + len(nodes | one.nodes) > TRANSACTION_ACTIONS):
            yield chunk
            chunk, nodes = [], {ROOT}
        chunk.append(one)
        nodes |= one.nodes
    if chunk:
        yield chunk


def _reason(reason: Mapping[str, Any]) -> Result:
    code = reason.get("Code", "None")
    return Result(error_code=_HELD_UP if code == "None" else code, reason=reason.get("Message") or "")


def _failure(error: Exception) -> Result:
    return Result(error_code=code_of(error), reason=str(error))
