"""The leaderboard table: entries and the counters of the index, changed together or not at all.

A transaction writes an entry, conditional on the version that was read, and updates the counters. So concurrent
writers, repeats, lost answers and changes in any order lead to the same state.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from math import inf
from types import MappingProxyType
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.changes.change import iso_now
from scorecast.errors import NotAcknowledged
from scorecast.leaderboard.batch_get import BatchGetItem, read_items
from scorecast.leaderboard.index.counters import ROOT, deltas, path_nodes
from scorecast.leaderboard.index.table import SHARDS, CounterTable
from scorecast.leaderboard.item import Item, Key, StoredEntry, item_key, make_item, read_item
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Ties
from scorecast.leaderboard.ties import tie_order
from scorecast.runtime.aws import code_of
from scorecast.standings.backoff import TRANSACTION_ACTIONS, Backoff
from scorecast.standings.entry import Entry
from scorecast.standings.score_history import entry_after, reached, read_version, version_text

# The stream keeps a change for a day, queues for 14 days, and a redrive may follow later.
TOMBSTONE_DAYS = 30
# The collection of the board table that lists the boards.
BOARDS = "boards"

# Failures that no retry resolves, as an error of the call and as the reason of one action. All others may pass: of the
# reasons ThrottlingError, ProvisionedThroughputExceeded, TransactionConflict and ConditionalCheckFailed (read again).
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_PERMANENT = {"ValidationException", "ValidationError", "ItemCollectionSizeLimitExceeded"}

# Failures that say nothing about the entry: none, that of another entry, a newer version, and no time left to try.
_HELD_UP = "HeldUp"
_NO_TIME = "NoTimeLeft"
_BATCHABLE = {"", _HELD_UP, _NO_TIME, "ConditionalCheckFailed"}

NO_POLICIES: Mapping[str, BoardPolicy] = MappingProxyType({})
"""No board has a policy."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a write: the `entry` if it was written, an `error_code` if it failed; neither if it was stale."""

    entry: Entry | None = None
    error_code: str = ""
    reason: str = ""

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
        """Whether it may be tried again in a transaction of any size."""
        return self.error_code in _BATCHABLE

    @property
    def permanent(self) -> bool:
        """Whether it failed and no retry can succeed."""
        return self.error_code in _PERMANENT


_STALE = Result()
_TOO_LATE = Result(error_code=_NO_TIME)


class _DynamoDb(BatchGetItem, Protocol):
    def put_item(self, *, TableName: str, Item: Item) -> dict[str, Any]: ...
    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class _Replacement:
    """An entry to write, the current one at its key (None if there is none), and the policy of its board."""

    entry: Entry
    current: Entry | None
    policy: BoardPolicy

    @property
    def scores(self) -> tuple[Decimal | None, Decimal | None]:
        return _number(self.current), _number(self.entry)

    @property
    def nodes(self) -> set[str]:
        """The nodes of the index that the replacement updates."""
        return {node for score in self.scores if score is not None for node in path_nodes(score)}


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The entries, the list of boards and the counters, for one writer."""

    dynamodb: _DynamoDb
    table: str
    board_table: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _known_boards: set[str] = field(default_factory=set)

    def write(
        self, entries: Iterable[Entry], policies: Mapping[str, BoardPolicy] = NO_POLICIES, deadline: float = inf
    ) -> dict[Key, Result]:
        """Write entries by the policies of their boards until the clock's `deadline`; return the result for each key.

        One call reads up to 100 entries; one call writes as many as fit, with their nodes, into 100 actions. Costs a
        read unit and a transactional write a key, and two write units for each node and transaction.
        """
        entries = list(entries)
        results = self._register(entries)
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

    def _register(self, entries: Sequence[Entry]) -> dict[Key, Result]:
        """List boards before their first entry is written, so that every entry is on a listed board.

        Returns a failure for each entry whose board could not be listed.
        """
        failures: dict[str, Result] = {}
        for board in sorted({entry.board for entry in entries if entry.score is not None} - self._known_boards):
            item = {"collection": {"S": BOARDS}, "name": {"S": board}}
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
        """Read and write once; at most `width` entries that failed before for their own sake share a transaction."""
        try:
            current = self._read(waiting)
        except (ClientError, BotoCoreError, NotAcknowledged) as error:
            return {key: _failure(error) for key in waiting}
        replacements = [
            _Replacement(entry, current.get(key), policy)
            for key, entries in waiting.items()
            if (entry := entry_after(current.get(key), entries, policy := policies.get(key[1], DEFAULT)))
        ]
        results = dict.fromkeys(waiting, _STALE)
        failed = [one for one in replacements if not earlier.get(one.entry.key, _STALE).batchable]
        others = [one for one in replacements if earlier.get(one.entry.key, _STALE).batchable]
        for chunk in [*_chunks(others), *_chunks(failed, width)]:
            has_time = self.clock() < deadline
            results |= self._transact(chunk) if has_time else {one.entry.key: _TOO_LATE for one in chunk}
        return results

    def _read(self, keys: Iterable[Key]) -> dict[Key, Entry]:
        """The current entries and tombstones at some keys."""
        asked = [item_key(*key) for key in keys]
        items = read_items(self.dynamodb, self.table, asked, consistent=True, sleep=self.sleep)
        return {entry.key: entry for entry in map(_entry, items)}

    def _transact(self, chunk: Sequence[_Replacement]) -> dict[Key, Result]:
        """Write replacements on one board, and update its counters, in one transaction."""
        board = chunk[0].entry.board
        puts = [{"Put": self._put(one)} for one in chunk]
        counters = CounterTable(self.dynamodb, self.board_table)
        changes = deltas(one.scores for one in chunk)
        increments = counters.increment_actions(board, changes, random.randrange(SHARDS), iso_now())
        try:
            self.dynamodb.transact_write_items(TransactItems=puts + increments)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons")
            if reasons:
                # Reasons are in the order of the actions; an entry without one of its own failed because of another.
                return {one.entry.key: _reason(reason) for one, reason in zip(chunk, reasons, strict=False)}
            if len(chunk) > 1 and code_of(error) in _PERMANENT:
                # One invalid entry makes DynamoDB reject the call: each entry gets a call of its own.
                return {key: result for one in chunk for key, result in self._transact([one]).items()}
            return {one.entry.key: _failure(error) for one in chunk}
        except BotoCoreError as error:
            return {one.entry.key: _failure(error) for one in chunk}
        return {one.entry.key: Result(one.entry) for one in chunk}

    def _put(self, replacement: _Replacement) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self.table, "Item": _item(replacement.entry, replacement.policy)}
        current = replacement.current
        if current is None:
            return put | {"ConditionExpression": "attribute_not_exists(id)"}
        # A late change can alter an entry's history, its score or its name, without being its newest change. An entry
        # that somebody added by hand may lack its version.
        texts = {"sequence": current.sequence, "at": current.at, "stream": current.stream, "history": current.history}
        texts["named"] = version_text(current.named) if current.named else ""
        values = {f":{name}": {"S": text} for name, text in texts.items() if text}
        conditions = [f"#{name} = :{name}" if texts[name] else f"attribute_not_exists(#{name})" for name in texts]
        return put | {
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": {f"#{name}": name for name in texts},
            **({"ExpressionAttributeValues": values} if values else {}),
        }


def _number(entry: Entry | None) -> Decimal | None:
    """The score of an entry; None for a tombstone or no entry."""
    return None if entry is None or entry.score is None else Decimal(entry.score)


def _chunks(replacements: Iterable[_Replacement], width: int = TRANSACTION_ACTIONS) -> Iterator[list[_Replacement]]:
    """Cut into transactions of one board and at most `width` entries; sorted by score, neighbours share nodes."""
    by_board = sorted(replacements, key=lambda one: (one.entry.board, Decimal(one.entry.score or 0)))
    for _, board in groupby(by_board, key=lambda one: one.entry.board):
        chunk: list[_Replacement] = []
        nodes = {ROOT}
        for one in board:
            if chunk and (len(chunk) >= width or len(chunk) + 1 + len(nodes | one.nodes) > TRANSACTION_ACTIONS):
                yield chunk
                chunk, nodes = [], {ROOT}
            chunk.append(one)
            nodes |= one.nodes
        yield chunk


def _item(entry: Entry, policy: BoardPolicy) -> Item:
    stored = StoredEntry(*entry.key, entry.sequence, entry.at, entry.score, entry.name, entry.history)
    stored = replace(stored, stream=entry.stream, named=version_text(entry.named) if entry.named else "")
    if entry.score is None:
        expires_at = datetime.now(UTC) + timedelta(days=TOMBSTONE_DAYS)
        return make_item(replace(stored, expires_at=int(expires_at.timestamp())))
    if policy.ties is Ties.UNORDERED:
        return make_item(stored)
    _, sequence, at = reached(entry)
    return make_item(replace(stored, tie_order=tie_order(stored.number, policy.order, at, sequence)))


def _entry(item: Item) -> Entry:
    stored = read_item(item)
    entry = Entry(*stored.key, stored.sequence, stored.at, stored.score, stored.name, history=stored.history)
    return replace(entry, stream=stored.stream, named=read_version(stored.named) if stored.named else None)


def _reason(reason: Mapping[str, Any]) -> Result:
    code = reason.get("Code", "None")
    return Result(error_code=_HELD_UP if code == "None" else code, reason=reason.get("Message") or "")


def _failure(error: Exception) -> Result:
    return Result(error_code=code_of(error), reason=str(error))
