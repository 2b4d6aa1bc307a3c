"""A writer counts in one shard until it meets another writer there."""

from typing import Any

import pytest

from scorecast.leaderboard.index.table import ROOT, parse_key
from scorecast.standings.entry import Entry
from scorecast.standings.store import Leaderboard
from tests.support.fakes import FakeDynamoDb


def entry(number: int) -> Entry:
    return Entry(f"p{number}", "StarWar", f"{number:024}", "2026-01-01T00:00:00Z", str(number))


def test_a_writer_keeps_its_shard_until_it_meets_another_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([1, 2])
    monkeypatch.setattr("scorecast.standings.store.random.randrange", lambda _: next(drawn))
    table = FakeDynamoDb()
    leaderboard = Leaderboard(table, "leaderboard", "boards", lambda _: None)
    shards: list[str] = []

    def conflict_once_in_the_third(action: dict[str, Any]) -> str | None:
        if "Update" not in action:
            return None
        kind, node = parse_key(action["Update"]["Key"])
        assert node == ROOT
        shards.append(kind)
        return "TransactionConflict" if len(shards) == 3 else None

    table.before = conflict_once_in_the_third
    for number in range(4):
        assert leaderboard.write([entry(number)])[f"p{number}", "StarWar"].applied
    assert shards == ["1", "1", "1", "2", "2"]
    table.check()
