"""Lines of a file to import, and the boards that they are about."""

from dataclasses import replace
from typing import Any

from scorecast.leaderboard.policy import BoardPolicy, Every
from scorecast.ops.stack.main_table import MainTable
from scorecast.runtime.settings import AttributeNames

POLICIES = {"Chess": BoardPolicy(every=Every.WEEK), "Final": BoardPolicy(then_by="penalty:ascending,age:ascending")}


def row(participant: str = "1", score: Any = "60", name: str | None = None, board: str = "StarWar") -> dict[str, Any]:
    return {"hackathonName": board, "rank": "9", "id": participant, "userName": name, "projectScore": score}


def with_attributes(one: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return one | {f"attributes.{name}": value for name, value in attributes.items()}


def showing(main: MainTable) -> MainTable:
    """The table of a stack that shows attributes."""
    return replace(main, attributes=AttributeNames(shown=("team", "age", "projectScore")))
