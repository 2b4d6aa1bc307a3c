"""LeaderGet on tables in memory that the real writer fills and the real upkeep cuts, and oracles for its answers."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from math import ceil, inf
from typing import Any

import pytest

from scorecast.api import handler
from scorecast.api.entry_table import DynamoDb
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.columns import Values
from scorecast.leaderboard.display import AttributeValue
from scorecast.leaderboard.index import shape
from scorecast.leaderboard.index.table import IndexTable
from scorecast.leaderboard.item import is_entry, read_item
from scorecast.leaderboard.policy import BoardPolicy, Order
from scorecast.runtime.together import together
from scorecast.standings import store, upkeep
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from scorecast.standings.upkeep import Upkeep
from tests.support.fakes import FakeDynamoDb

Entries = list[tuple[str, str, str]]
"""The board, the id and the score of each."""

UPDATED_AT = "2026-01-02T03:04:05Z"
SAMPLE = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("StarWar", "3", "70"), ("WarCraft", "4", "100")]


class Cut(StrEnum):
    """How boards are cut: not at all, as on AWS, into small ranges on one page, or into many small pages."""

    NONE = "one range"
    REAL = "ranges as on AWS"
    RANGES = "small ranges"
    PAGES = "small pages"


_SMALL = {"RANGE_ENTRIES": 6, "PART_ENTRIES": 2, "MERGED_ENTRIES": 3, "MERGED_RANGES": 3}


class FakeTable(FakeDynamoDb):
    """The tables of LeaderGet, with what was read: entries, counted entries, round trips and read units.

    On a board whose ties have an order, `reached` says by id when the score was reached; the other entries were written
    before the board had this policy.
    """

    def __init__(
        self,
        entries: Entries,
        *,
        names: dict[str, str] | None = None,
        attributes: dict[str, dict[str, AttributeValue]] | None = None,
        policies: dict[str, BoardPolicy] | None = None,
        reached: dict[str, str] | None = None,
        columns: dict[str, Values] | None = None,
        page_size: int = 10_000,
        cut: Cut = Cut.NONE,
    ) -> None:
        super().__init__(page_size=page_size)
        self.reset()
        self.names, self.reached, self.sequence = names or {}, reached or {}, 0
        self.attributes, self.columns = attributes or {}, columns or {}
        self.client: Any = self
        self.leaderboard = Leaderboard(self.client, "leaderboard", "boards", lambda _: None)
        self.put_item(TableName="boards", Item={"collection": {"S": "boards"}, "name": {"S": "empty"}})
        ordered = {board for board, policy in (policies or {}).items() if policy.orders_ties}
        earlier = [one for one in entries if one[0] in ordered and one[1] not in self.reached]
        self.put(earlier)
        for board, policy in (policies or {}).items():
            self.declare(board, policy)
        self.put([one for one in entries if one not in earlier])
        self.cut(cut)
        self.reset()

    def reset(self) -> None:
        """Count from zero what is read."""
        self.read = self.entries_counted = self.trips = 0
        self.units = 0.0

    def put(self, entries: Iterable[tuple[str, str, str | None]]) -> None:
        """Write entries as changes of the main table do; without a score they are removed."""
        made = []
        for board, participant, score in entries:
            self.sequence += 1
            at, name = self.reached.get(participant, UPDATED_AT), self.names.get(participant)
            entry = Entry(participant, board, f"{self.sequence:040}", at, score, name, score_changed=True)
            attributes = self.attributes.get(participant, {}) if score is not None else {}
            columns = self.columns.get(participant, ())
            made.append(replace(entry, attributes=tuple(sorted(attributes.items())), columns=columns))
        policies = {entry.board: self.policy_of(entry.board) for entry in made}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, "iso_now", lambda: UPDATED_AT)
            assert not any(result.failed for result in self.leaderboard.write(made, policies).values())

    def remove(self, board: str, *participants: str) -> None:
        """Remove entries."""
        self.put((board, participant, None) for participant in participants)

    def cut(self, how: Cut) -> None:
        """Look after the index of all boards until nothing is due."""
        if how is Cut.NONE:
            return
        found = [read_item(item) for item in self.items.values() if is_entry(item)]
        looks = Upkeep(self.client, "leaderboard", "index", "ties", IndexTable(self.client, "boards"))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in _SMALL.items() if how is not Cut.REAL else ():
                patch.setattr(shape, name, value)
            if how is Cut.PAGES:
                patch.setattr(upkeep, "PAGE_RANGES", 4)
            for entry in found[:: 20 if how is Cut.REAL else 1]:
                looks.look_at(entry, self.policy_of(entry.board), inf)

    def scores_of(self, board: str) -> Entries:
        """The entries of a board."""
        return [(board, participant, score) for (participant, name), score in self.scores.items() if name == board]

    # ---- what LeaderGet calls

    def together(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        """Make calls that take one round trip; one after another, so that it can be counted."""
        before, ends, found = self.trips, [self.trips], []
        for call in calls:
            self.trips = before
            found.append(call())
            ends.append(self.trips)
        self.trips = max(ends)
        return found

    def query(self, **request: Any) -> Item:
        answer = super().query(**request)
        self.trips += 1
        if "Items" in answer:
            self.read += answer["Count"]
        else:
            self.entries_counted += answer["Count"]
        # An entry of an index has some hundred bytes; a query reads all that it counts.
        self.units += max(ceil(answer["Count"] * 100 / 4096), 1) / 2
        return answer

    def get_item(self, **request: Any) -> Item:
        self.trips, self.units = self.trips + 1, self.units + 0.5
        return super().get_item(**request)

    def batch_get_item(self, *, RequestItems: Item) -> Item:
        [request] = RequestItems.values()
        self.trips, self.units = self.trips + 1, self.units + len(request["Keys"]) / 2
        return super().batch_get_item(RequestItems=RequestItems)


def serve(monkeypatch: pytest.MonkeyPatch, table: DynamoDb) -> None:
    """Have LeaderGet answer from a table."""
    calls = table.together if isinstance(table, FakeTable) else together
    reader = LeaderboardReader(table, "leaderboard", "index", "ties", "boards", "key", calls)
    monkeypatch.setattr(handler, "reader", lambda: reader)


def get(path: str, **parameters: str | list[str]) -> Item:
    many = {name: [value] if isinstance(value, str) else value for name, value in parameters.items()}
    answer = handler.handle({"path": path, "multiValueQueryStringParameters": many or None}, None)
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"
    return answer | {"body": json.loads(answer["body"], parse_float=Decimal)}


def best_first(entries: Entries, order: Order) -> list[Item]:
    """The oracle: all entries of one board in the order of the index, with their ranks."""
    descending = order is Order.DESCENDING
    ordered = sorted(entries, key=lambda one: (Decimal(one[2]), one[1]), reverse=descending)
    scores = [Decimal(score) for _, _, score in ordered]
    ranks = [1 + sum(other > score if descending else other < score for other in scores) for score in scores]
    return [
        {"rank": rank, "id": participant, "userName": None, "projectScore": score}
        for rank, (_, participant, _), score in zip(ranks, ordered, scores, strict=True)
    ]


def placed(order: list[Item]) -> list[Item]:
    """Entries of the oracle as a page shows them: with their positions."""
    return [entry | {"position": at} for at, entry in enumerate(order, start=1)]
