"""Export: the entries of a board in its order, ranked while they are read.

It reads the tables, not the API, so the ranks in a file always agree with its lines. Memory holds one page of the
board. Refuses a board without entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from scorecast.api.entry_table import BoardEntries, EntryTable
from scorecast.changes.change import iso_now
from scorecast.errors import UserError
from scorecast.leaderboard.columns import shared_prefix, shown_values, values_in
from scorecast.leaderboard.index.table import ROOT, IndexTable, Node
from scorecast.leaderboard.item import BY_SCORE, BY_TIE, StoredEntry
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy
from scorecast.ops.boards.policies import policies_of
from scorecast.ops.files.board_file import ATTRIBUTE, BOARD, COLUMN, FIELDS, ID, NAME, POSITION, RANK, SCORE, Row
from scorecast.ops.stack.polling import CLOCK, Clock
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.stack import Stack
from scorecast.ops.stack.throttling import repeat_throttled
from scorecast.runtime.batches import cut_batches

# The entries of a query's page, and of a batch for the rate limit.
PAGE_ENTRIES, COUNTED_ENTRIES = 1000, 100

OnProgress = Callable[[int], None]


@dataclass(slots=True)
class Export:
    """The export of one board, with its display attributes.

    `count` is the number of entries read so far; `root` is the index's root as it was before the first.
    """

    policy: BoardPolicy
    entries: BoardEntries
    index: IndexTable
    root: Node
    attributes: Sequence[str]
    rate_limit: RateLimit
    count: int = 0

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a line; there are no positions where ties have no order."""
        own = [name for name in FIELDS if name != POSITION or self.policy.orders_ties]
        columns = [f"{COLUMN}{column.name}" for column in self.policy.columns]
        return (*own, *columns, *(f"{ATTRIBUTE}{name}" for name in self.attributes))

    def rows(self, on_read: OnProgress = lambda _: None) -> Iterator[Row]:
        """Yield the entries, best first; `on_read` receives the number of further entries read."""
        for page in cut_batches(ranked(self.entries.all(PAGE_ENTRIES), self.policy, self.attributes), COUNTED_ENTRIES):
            self.rate_limit.wait(len(page))
            yield from page
            self.count += len(page)
            on_read(len(page))

    def has_changed(self) -> bool:
        """Whether any entry of the board has been written since the export began."""
        return _updates(_read_root(self.index, self.entries.board)) != _updates(self.root)


def ranked(
    entries: Iterable[StoredEntry], policy: BoardPolicy = DEFAULT, attributes: Sequence[str] = ()
) -> Iterator[Row]:
    """Rank the entries of a board, best first: tied entries share the rank of the first of them (1, 2, 2, 4).

    On a board with columns, tied entries also have equal columns. A row has the named `attributes`; None for one that
    the entry lacks.
    """
    rank, before = 0, ""
    for position, entry in enumerate(entries, start=1):
        key = shared_prefix(entry.tie_order, entry.number, policy)
        rank, before = rank if key == before else position, key
        shown, columns = dict(entry.attributes), shown_values(values_in(entry.tie_order, policy), policy)
        yield {
            BOARD: entry.board,
            RANK: rank,
            POSITION: position,
            ID: entry.id,
            NAME: entry.name,
            SCORE: entry.number,
            **{f"{COLUMN}{column.name}": columns.get(column.name) for column in policy.columns},
            **{f"{ATTRIBUTE}{name}": shown.get(name) for name in attributes},
        }


def export_of(stack: Stack, board: str, rate: float | None, clock: Clock = CLOCK) -> Export:
    """Make the export of a board, at most `rate` entries a second; UserError if the board has no entries."""
    index = IndexTable(stack.client("dynamodb"), stack.output("BoardTableName"))
    root = _read_root(index, board)
    policy = policies_of(stack).of(board)
    if not root.total or policy.has_expired(iso_now()):
        raise UserError(f"There is no board {board!r}, or it has no entries: `scorecast top` lists the boards.")
    patient: Any = _PatientQueries(stack.client("dynamodb"), clock)
    table = EntryTable(patient, stack.output("LeaderboardTableName"), BY_SCORE.index, BY_TIE.index)
    return Export(policy, table.of_board(board, policy), index, root, stack.attributes.shown, RateLimit(rate, clock))


@dataclass(frozen=True, slots=True)
class _PatientQueries:
    """DynamoDB's Query, repeated while throttled."""

    dynamodb: Any
    clock: Clock

    def query(self, **request: Any) -> dict[str, Any]:
        advice = "run it again later, or with a lower --rate"
        answer: dict[str, Any] = repeat_throttled(partial(self.dynamodb.query, **request), advice, self.clock)
        return answer


def _read_root(index: IndexTable, board: str) -> Node:
    """Read the root of a board's index, which every change of an entry updates."""
    return index.read(board, [ROOT], consistent=True)[ROOT]


def _updates(root: Node) -> list[int]:
    return [shard.updates for shard in root.shards]
