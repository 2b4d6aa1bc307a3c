"""The tables of template.yaml, made on DynamoDB Local from the template itself, so that the two cannot drift apart."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
# What matters to a table's behaviour and price; the rest (encryption, backups) DynamoDB Local does not know.
_PARTS = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")

LEADERBOARD = "LeaderboardTable"
BOARDS = "BoardTable"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref and the like) as what stands behind them."""


def _tagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _tagged)


@cache
def definition_of(table: str) -> dict[str, Any]:
    """Return what CreateTable takes, of a table by its logical name."""
    template = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), _Loader)
    properties = template["Resources"][table]["Properties"]
    return {part: properties[part] for part in _PARTS if part in properties}


def index_names() -> tuple[str, str]:
    """Return the names of the leaderboard's indexes: by score, and where ties have an order."""
    by_score, by_tie = definition_of(LEADERBOARD)["GlobalSecondaryIndexes"]
    return str(by_score["IndexName"]), str(by_tie["IndexName"])


def create_tables(dynamodb: Any) -> None:
    """Make the leaderboard table and the board table, under their logical names."""
    for table in (LEADERBOARD, BOARDS):
        dynamodb.create_table(TableName=table, **definition_of(table))
