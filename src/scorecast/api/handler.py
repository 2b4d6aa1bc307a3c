"""LeaderGet: GET requests of the REST API -> boards, entries, ranks, and the page. Never a 500 for bad input."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from scorecast.api.answer import Answer, json_answer, page_answer, problem_answer
from scorecast.api.errors import ApiError
from scorecast.api.query import GetEntry, ListBoards, ListEntries, ListEntriesOf, Query, ShowPage, read_query
from scorecast.api.standings import Standings
from scorecast.aws import create_client
from scorecast.logs import logger
from scorecast.settings import ApiSettings


def handle(event: Any, _context: Any) -> Answer:
    """Lambda's entry: `event` is an API Gateway proxy request (REST, payload 1.0)."""
    try:
        return _answer(read_query(event if isinstance(event, dict) else {}))
    except ApiError as error:
        logger.info("api status=%d parameter=%s", error.status, error.parameter)
        return problem_answer(error)


def _answer(query: Query) -> Answer:
    match query:
        case ShowPage():
            return page()
        case ListBoards():
            return json_answer(standings().list_boards())
        case ListEntries():
            return json_answer(standings().list_entries(query))
        case GetEntry():
            return json_answer(standings().get_entry(query))
        case ListEntriesOf():
            return json_answer(standings().list_entries_of(query))


@cache
def page() -> Answer:
    """Read the page and hash its script and style, once a process."""
    return page_answer(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


@cache
def standings() -> Standings:
    """Make the function's client, once a process."""
    settings = ApiSettings.from_environment(os.environ)
    return Standings(
        create_client("dynamodb"),
        settings.leaderboard_table,
        settings.leaderboard_index,
        settings.board_table,
        settings.page_token_key,
    )
