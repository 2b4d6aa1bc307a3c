"""DynamoDB Local for tests, with the template's tables; where it cannot run, the skip says what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bench.rig import dynamodb_local
from bench.rig.tables import BOARDS, LEADERBOARD, create_tables, index_names
from scorecast.api.reader import LeaderboardReader


@dataclass(frozen=True)
class Engine:
    """A running DynamoDB Local."""

    endpoint: str
    dynamodb: Any

    @property
    def reader(self) -> LeaderboardReader:
        return LeaderboardReader(self.dynamodb, LEADERBOARD, *index_names(), BOARDS, "key")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    if missing := dynamodb_local.what_is_missing():
        pytest.skip(missing)
    # What lives for seconds is not worth the optimising compiler.
    with dynamodb_local.running("-XX:TieredStopAtLevel=1") as endpoint:
        client = dynamodb_local.create_client(endpoint)
        create_tables(client)
        yield Engine(endpoint, client)
        client.close()
