"""The tables of template.yaml on DynamoDB Local, created from the template so that the two cannot drift apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from bench.rig import dynamodb_local

ROOT = Path(__file__).parents[2]
# The properties that determine a table's behaviour and price. DynamoDB Local ignores the rest (encryption, backups,
# bounds of the throughput).
_PROPERTIES = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
_INDEX_PROPERTIES = ("IndexName", "KeySchema", "Projection")

LEADERBOARD = "LeaderboardTable"
BOARDS = "BoardTable"


@cache
def definition_of(table: str) -> dict[str, Any]:
    """Return CreateTable's arguments for a table, given by its logical name."""
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    properties = template["Resources"][table]["Properties"]
    definition = {name: properties[name] for name in _PROPERTIES if name in properties}
    if indexes := definition.get("GlobalSecondaryIndexes"):
        definition["GlobalSecondaryIndexes"] = [{name: one[name] for name in _INDEX_PROPERTIES} for one in indexes]
    return definition


def index_names() -> tuple[str, str]:
    """Return the names of the leaderboard's indexes: by score, and by score and time for boards that order ties."""
    by_score, by_tie = definition_of(LEADERBOARD)["GlobalSecondaryIndexes"]
    return str(by_score["IndexName"]), str(by_tie["IndexName"])


def create_tables(dynamodb: Any) -> None:
    """Create the leaderboard table and the board table under their logical names."""
    for table in (LEADERBOARD, BOARDS):
        dynamodb.create_table(TableName=table, **definition_of(table))


@contextmanager
def empty_tables(*java_options: str) -> Iterator[tuple[str, Any]]:
    """Run a DynamoDB Local that has the empty tables; yields its endpoint and a client."""
    with dynamodb_local.running(*java_options) as endpoint:
        dynamodb = dynamodb_local.create_client(endpoint)
        create_tables(dynamodb)
        yield endpoint, dynamodb
