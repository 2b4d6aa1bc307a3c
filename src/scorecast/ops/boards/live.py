"""A board as it is in the tables now, even if it is frozen, read with the operator's own rights."""

from __future__ import annotations

from typing import Any

from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.errors import ApiError
from scorecast.api.parameters import LIMIT_MAX
from scorecast.api.reader import LeaderboardReader
from scorecast.errors import UserError
from scorecast.leaderboard.item import BY_SCORE, BY_TIE
from scorecast.ops.stack.stack import Stack

INDEXES = (BY_SCORE.index, BY_TIE.index)


def live_top(stack: Stack, board: str, limit: int) -> dict[str, Any]:
    """Return the best `limit` entries as the API answers them: {hackathonName, total, entries, ...}."""
    tables = (stack.output("LeaderboardTableName"), BY_SCORE.index, BY_TIE.index, stack.output("BoardTableName"))
    # The key signs the tokens between these pages, which nobody else ever sees.
    reader = LeaderboardReader(stack.client("dynamodb"), *tables, page_token_key="live", is_live=True)
    try:
        answer = ListEntries(board, min(limit, LIMIT_MAX)).answer(reader)
        while "next" in answer and len(answer["entries"]) < limit:
            left = min(limit - len(answer["entries"]), LIMIT_MAX)
            page = ListEntries(board, left, token=answer["next"]).answer(reader)
            answer = page | {"entries": answer["entries"] + page["entries"]}
    except ApiError as error:
        raise UserError(str(error)) from None
    return {name: value for name, value in answer.items() if name != "next"}
