"""LeaderGet: GET requests of the REST API -> boards, entries, ranks, and the page. Never a 500 for bad input."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.api.errors import ApiError
from scorecast.api.query import (
    CompareEntries,
    GetEntry,
    GetHistogram,
    GetOpenApi,
    ListBoards,
    ListEntries,
    ListParticipantBoards,
    Query,
    Question,
    RankScore,
    ShowPage,
    read_query,
)
from scorecast.api.reader import LeaderboardReader
from scorecast.api.responses import (
    Answer,
    json_answer,
    openapi_answer,
    options_answer,
    page_answer,
    problem_answer,
    revalidated,
)
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.runtime.aws import code_of, create_client
from scorecast.runtime.logs import logger
from scorecast.runtime.settings import ApiSettings

_TOO_BUSY = ApiError(503, "The leaderboard is too busy to answer; try again in a second.")


def handle(event: Any, _context: Any) -> Answer:
    """Lambda's entry: `event` is an API Gateway proxy request (REST, payload 1.0)."""
    request = event if isinstance(event, dict) else {}
    match request.get("httpMethod"):
        case "OPTIONS":
            return options_answer()
        case "HEAD":
            return _answered(request) | {"body": ""}
        case _:
            return _answered(request)


def _answered(request: dict[str, Any]) -> Answer:
    try:
        return revalidated(_answer(read_query(request)), request)
    except ApiError as error:
        logger.info("api status=%d parameter=%s", error.status, error.parameter)
        return problem_answer(error)
    except NotAcknowledged as error:
        logger.warning("api status=503 %s", error)
        return problem_answer(_TOO_BUSY)
    except (BotoCoreError, ClientError) as error:
        # Not the service's words, which may repeat what it was sent.
        logger.error("api status=503 %s", code_of(error))
        return problem_answer(_TOO_BUSY)
    except CannotRead as error:
        # The policy of a board that somebody wrote past `scorecast boards set`; the answer says which.
        logger.error("api status=500 %s", type(error).__name__)
        return problem_answer(ApiError(500, str(error)))


def _answer(query: Query) -> Answer:
    match query:
        case ShowPage():
            return page()
        case GetOpenApi():
            return openapi()
        case _:
            return json_answer(_body(reader(), query))


def _body(reader: LeaderboardReader, query: Question) -> dict[str, Any]:
    """Ask the leaderboard."""
    match query:
        case ListEntries():
            return reader.list_entries(query)
        case CompareEntries():
            return reader.compare_entries(query)
        case RankScore():
            return reader.rank_score(query)
        case GetHistogram():
            return reader.get_histogram(query)
        case GetEntry():
            return reader.get_entry(query)
        case ListParticipantBoards():
            return reader.list_participant_boards(query)
        case ListBoards():
            return reader.list_boards(query)


@cache
def openapi() -> Answer:
    """Read the OpenAPI document, once a process."""
    return openapi_answer(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))


@cache
def page() -> Answer:
    """Read the page and hash its script and style, once a process."""
    return page_answer(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


@cache
def reader() -> LeaderboardReader:
    """Make the function's client, once a process."""
    settings = ApiSettings.from_environment(os.environ)
    return LeaderboardReader(
        create_client("dynamodb"),
        settings.leaderboard_table,
        settings.leaderboard_index,
        settings.leaderboard_tie_index,
        settings.board_table,
        settings.page_token_key,
    )
