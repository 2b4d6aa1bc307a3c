"""LeaderGet on tables in memory, and oracles for its answers."""

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from scorecast.api import handler
from scorecast.api.entry_table import DynamoDb
from scorecast.api.reader import LeaderboardReader
from scorecast.leaderboard.batch_get import Item
from scorecast.leaderboard.index.counters import Counters
from scorecast.leaderboard.policy import DEFAULT, BoardPolicy, Order, Ties, policy_item
from scorecast.leaderboard.ties import tie_order
from tests.support.fakes import SCORE_INDEX_KEY, last_key, project

TIE_INDEX_KEY = ("id", "metadata", "tieBoard", "tieOrder")


@dataclass
class FakeTable:
    """A leaderboard as LeaderGet reads it: entries as (board, id, score), pages of at most `page_size` items.

    On a board whose ties have an order, `reached` says by id when the score was reached; the others are not in it yet.
    """

    entries: list[tuple[str, str, str]]
    page_size: int = 1000
    names: dict[str, str] = field(default_factory=dict)
    policies: dict[str, BoardPolicy] = field(default_factory=dict)
    reached: dict[str, str] = field(default_factory=dict)
    read: int = 0
    counted: int = 0

    def query(self, **request: Any) -> Item:
        values = request["ExpressionAttributeValues"]
        if ":boards" in values:
            return self._named(self._listed(), request, ("collection", "name"))
        if ":id" in values:
            return self._named(self._chosen(values, ""), request, ("id", "metadata"))
        items = self._chosen(values, request["KeyConditionExpression"])
        forward, order = request.get("ScanIndexForward", True), _INDEX_ORDER[request["IndexName"]]
        if not forward:
            items.reverse()
        if start := request.get("ExclusiveStartKey"):
            # A query continues after any key, whether or not an entry is there.
            follows = operator.gt if forward else operator.lt
            items = [one for one in items if follows(order(one), order(start))]
        key = TIE_INDEX_KEY if request["IndexName"] == "ties" else SCORE_INDEX_KEY
        page, last = self._page(items, request, key)
        if request.get("Select") == "COUNT":
            self.counted += len(page)
            return {"Count": len(page)} | last
        self.read += len(page)
        return {"Items": [project(one, key, ("userName", "projectScore")) for one in page]} | last

    def _named(self, items: list[Item], request: Item, key: tuple[str, str]) -> Item:
        """A page of a list that is ordered by a name, which goes on after any name, whether or not it is there."""
        after = request.get("ExclusiveStartKey", {key[1]: {"S": ""}})[key[1]]["S"]
        page, last = self._page([item for item in items if item[key[1]]["S"] > after], request, key)
        self.read += len(page)
        return {"Items": page} | last

    def _page(self, items: list[Item], request: Item, key: tuple[str, ...]) -> tuple[list[Item], Item]:
        """The first page of items, and the key that the next one starts after."""
        size = min(request.get("Limit", self.page_size), self.page_size)
        page = items[:size]
        return page, last_key(page, key, size if len(items) > size else request.get("Limit"))

    def get_item(self, **request: Any) -> Item:
        found = self._by_key(request["Key"])
        return {"Item": found[0]} if found else {}

    def batch_get_item(self, *, RequestItems: Item) -> Item:
        [(table, request)] = RequestItems.items()
        if table == "leaderboard":
            return {"Responses": {table: [item for key in request["Keys"] for item in self._by_key(key)]}}
        wanted = {(key["collection"]["S"], key["name"]["S"]) for key in request["Keys"]}
        return {"Responses": {table: [item for key, item in self._counters().items() if key in wanted]}}

    def entry_items(self) -> list[Item]:
        """Return the items of the leaderboard table."""
        return [self._item(*entry) for entry in self.entries]

    def board_items(self) -> list[Item]:
        """Return the items of the board table."""
        return [*self._listed(), *self._counters().values()]

    def _listed(self) -> list[Item]:
        boards = sorted({entry[0] for entry in self.entries} | {"empty"})
        return [{"collection": {"S": "boards"}, "name": {"S": board}} for board in boards]

    def _by_key(self, key: Item) -> list[Item]:
        wanted = key["metadata"]["S"], key["id"]["S"]
        return [self._item(*entry) for entry in self.entries if entry[:2] == wanted]

    def _counters(self) -> dict[tuple[str, str], Item]:
        """The counters of the boards, all of them in shard 0."""
        items = {(f"policy/{board}", board): policy_item(board, policy) for board, policy in self.policies.items()}
        for board in {entry[0] for entry in self.entries}:
            counters = Counters()
            for _, _, score in (entry for entry in self.entries if entry[0] == board):
                counters.replace(None, Decimal(score))
            for node, buckets in counters.nodes.items():
                key = (f"counters/0/{node}/{board}", board)
                counts = {f"b{bucket}": {"N": str(count)} for bucket, count in buckets.items()}
                more = {"node": {"S": node}, "at": {"S": UPDATED_AT}}
                items[key] = {"collection": {"S": key[0]}, "name": {"S": board}} | more | counts
        return items

    def _chosen(self, values: Item, condition: str) -> list[Item]:
        """The items of a key condition, in the order of the index."""
        if ":id" in values:
            return [self._item(*entry) for entry in sorted(self.entries) if entry[1] == values[":id"]["S"]]
        if condition.startswith("tieBoard = :board"):
            tied = [self._item(*one) for one in self.entries if one[0] == values[":board"]["S"]]
            begin, prefix = (values.get(name, {"S": ""})["S"] for name in (":begin", ":prefix"))
            more = " AND tieOrder >= :begin" if begin else " AND begins_with(tieOrder, :prefix)" if prefix else ""
            assert condition == f"tieBoard = :board{more}"
            in_order = sorted((one for one in tied if "tieOrder" in one), key=_INDEX_ORDER["ties"])
            return [
                one for one in in_order if one["tieOrder"]["S"] >= begin and one["tieOrder"]["S"].startswith(prefix)
            ]
        names = (":score", ":begin", ":low", ":high")
        asked, begin, low, high = (Decimal(values.get(name, {"N": "NaN"})["N"]) for name in names)
        tests: dict[str, Callable[[Decimal], bool]] = {
            "hackathonName = :board": lambda score: True,
            "hackathonName = :board AND projectScore = :score": lambda score: score == asked,
            "hackathonName = :board AND projectScore > :score": lambda score: score > asked,
            "hackathonName = :board AND projectScore < :score": lambda score: score < asked,
            "hackathonName = :board AND projectScore <= :begin": lambda score: score <= begin,
            "hackathonName = :board AND projectScore >= :begin": lambda score: score >= begin,
            "hackathonName = :board AND projectScore BETWEEN :low AND :high": lambda score: low <= score <= high,
        }
        on_board = [one for one in self.entries if one[0] == values[":board"]["S"]]
        chosen = [one for one in on_board if tests[condition](Decimal(one[2]))]
        return [self._item(*one) for one in sorted(chosen, key=lambda one: (Decimal(one[2]), one[1]))]

    def _item(self, board: str, participant: str, score: str) -> Item:
        item = {"id": {"S": participant}, "metadata": {"S": board}, "projectScore": {"N": score}}
        item |= {"hackathonName": {"S": board}, "sequence": {"S": "7"}, "at": {"S": UPDATED_AT}}
        policy = self.policies.get(board, DEFAULT)
        if policy.ties is Ties.EARLIEST and participant in self.reached:
            text = tie_order(Decimal(score), policy.order, self.reached[participant], "7")
            item |= {"tieBoard": {"S": board}, "tieOrder": {"S": text}}
        return item | ({"userName": {"S": self.names[participant]}} if participant in self.names else {})


# The order of an index: by its sort key, then by the table's key.
_INDEX_ORDER: dict[str, Callable[[Item], tuple[Any, str]]] = {
    "index": lambda item: (Decimal(item["projectScore"]["N"]), item["id"]["S"]),
    "ties": lambda item: (item["tieOrder"]["S"], item["id"]["S"]),
}
UPDATED_AT = "2026-01-02T03:04:05Z"
SAMPLE = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("StarWar", "3", "70"), ("WarCraft", "4", "100")]


def serve(monkeypatch: pytest.MonkeyPatch, table: DynamoDb) -> None:
    reader = LeaderboardReader(table, "leaderboard", "index", "ties", "boards", "key")
    monkeypatch.setattr(handler, "reader", lambda: reader)


def get(path: str, **parameters: str) -> Item:
    answer = handler.handle({"path": path, "queryStringParameters": parameters or None}, None)
    assert answer["headers"]["Access-Control-Allow-Origin"] == "*"
    return answer | {"body": json.loads(answer["body"], parse_float=Decimal)}


def best_first(entries: list[tuple[str, str, str]], order: Order) -> list[Item]:
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
