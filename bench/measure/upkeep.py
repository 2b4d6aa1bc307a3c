"""What the upkeep of the counting index costs, by the real writer and the real upkeep on tables in memory.

The tables are metered by DynamoDB's rules for sizes (sizes.py). At the end of each run every count is compared with the
entries. Part of `python -m bench.measure.ranks`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf

from bench.measure.lookups import Board
from bench.report.results import Row
from bench.rig.boards import AT, SEQUENCE_DIGITS, BuiltIndex, build_index, check_index, entry_item
from bench.rig.memory import MemoryClient, MemoryTables
from bench.rig.meter import Meter
from bench.rig.scores import CHANGED_SHAPES, CHANGES, draw_entries, name_of
from bench.rig.tables import BOARDS, LEADERBOARD, index_names
from scorecast.leaderboard.index.table import ROOT, IndexTable
from scorecast.leaderboard.item import read_item
from scorecast.leaderboard.order_key import score_order
from scorecast.leaderboard.policy import DEFAULT
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep

BOARD = "board"
BATCH = 10
LOOKUPS = 1000


@dataclass
class Keeper:
    """A board in memory with one writer, and upkeep after each of its batches; each has a meter."""

    tables: MemoryTables = field(default_factory=MemoryTables)
    writing: Meter = field(default_factory=Meter)
    keeping: Meter = field(default_factory=Meter)
    written: int = 0

    def __post_init__(self) -> None:
        writer, keeper = (MemoryClient(self.tables, meter) for meter in (self.writing, self.keeping))
        self.leaderboard = Leaderboard(writer, LEADERBOARD, BOARDS, sleep=lambda _: None)
        draw = random.Random(1).random
        self.upkeep = Upkeep(keeper, LEADERBOARD, *index_names(), IndexTable(keeper, BOARDS), draw=draw)

    def write(self, scores: Iterable[tuple[str, Decimal]]) -> None:
        """Write a batch of changes."""
        entries = {name: self._entry(name, score) for name, score in scores}
        results = self.leaderboard.write(entries.values())
        if not all(result.applied for result in results.values()):
            raise RuntimeError(f"A batch was not applied: {set(results.values())}")
        self.upkeep.after(results.values(), {BOARD: DEFAULT}, inf)

    def _entry(self, name: str, score: Decimal) -> Entry:
        self.written += 1
        return Entry(name, BOARD, f"{self.written:0{SEQUENCE_DIGITS}}", AT, format(score, "f"), f"The {name}")

    def costs(self, changes: int) -> Row:
        """Return what a change cost, and how the board is cut now."""
        check_index(self.tables, BOARD, [read_item(item) for item in self.tables.items.values()])
        row = {
            "upkeep_write_units": round(self.keeping.write_units / changes, 2),
            "upkeep_read_units": round(self.keeping.units / changes, 2),
            "write_units": round(self.writing.write_units / changes, 2),
            "read_units": round(self.writing.units / changes, 2),
        }
        index = self.index()
        ranges = [
            held for node, shape in index.shapes.items() if not shape.is_inner for held in index.counts[node].values()
        ]
        row |= {"pages": sum(not shape.is_inner for shape in index.shapes.values()), "ranges": len(ranges)}
        return row

    def index(self) -> BuiltIndex:
        """Read the board's index."""
        table = IndexTable(self.tables, BOARDS)
        root = table.read(BOARD, [ROOT])[ROOT]
        nodes = {ROOT: root} | (table.read(BOARD, root.shape.ids) if root.shape.is_inner else {})
        return BuiltIndex(
            {node: read.shape for node, read in nodes.items()},
            {
                node: {one: read.counts[one] for one in (*read.shape.ids, *read.shape.old)}
                for node, read in nodes.items()
            },
        )

    def look_up(self) -> Row:
        """Look ranks up on the board as it is now: those of random participants, and the most expensive ones."""
        ordered = sorted(Decimal(score) for score in self.tables.scores.values())
        meter = Meter()
        board = Board(BOARD, ordered, self.index(), MemoryClient(self.tables, meter), meter)
        found = board.measure(board.draw_scores(LOOKUPS), board.rank)
        return {f"rank_{name}": value for name, value in found.items() if name != "lookups"}


def measure_upkeep(entries: int, participants: int, changes: int) -> Iterator[Row]:
    """Fill a board from nothing, in steps; then change the scores of participants who are there, on other boards."""
    yield from _fill(entries)
    for kind in CHANGES:
        yield _change(kind, participants, changes)


def _fill(entries: int) -> Iterator[Row]:
    keeper, drawn, at = Keeper(), draw_entries("uniform", entries), 0
    for upto in _steps(entries):
        while at < upto:
            keeper.write(next(drawn) for _ in range(min(BATCH, upto - at)))
            at = min(upto, at + BATCH)
        yield {"what": "filled", "entries": upto, "changes": upto} | keeper.costs(upto) | keeper.look_up()


def _steps(entries: int) -> Sequence[int]:
    return [*(size for size in (10_000, 100_000) if size < entries), entries]


def _change(kind: str, participants: int, changes: int) -> Row:
    """Change scores of random participants of a board that is in the state that growth left it in."""
    keeper, draw = Keeper(), random.Random(kind)
    scores = dict(draw_entries(CHANGED_SHAPES[kind], participants))
    index = build_index(sorted(scores.values()), kind)
    for name, score in scores.items():
        item = entry_item(BOARD, name, score, counted_in=index.range_of(score_order(score)))
        keeper.tables.put_item(TableName=LEADERBOARD, Item=item)
    for item in index.items(BOARD):
        keeper.tables.put_item(TableName=BOARDS, Item=item)
    for _ in range(0, changes, BATCH):
        names = [name_of(number) for number in draw.sample(range(participants), BATCH)]
        scores |= {name: CHANGES[kind](draw, scores[name]) for name in names}
        keeper.write((name, scores[name]) for name in names)
    return {"what": kind, "entries": participants, "changes": changes} | keeper.costs(changes) | keeper.look_up()
