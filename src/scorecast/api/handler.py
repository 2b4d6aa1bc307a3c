"""LeaderGet: GET requests of the REST API -> boards, entries, ranks, and the page. Never a 500 for bad input."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.api.caller import caller_of
from scorecast.api.endpoints.documents import GetOpenApi, ShowPage
from scorecast.api.errors import ApiError
from scorecast.api.reader import LeaderboardReader
from scorecast.api.responses import VARY, Answer, json_answer, options_answer, problem_answer, revalidated
from scorecast.api.routes import read_query
from scorecast.errors import CannotRead, NotAcknowledged
from scorecast.runtime.aws import code_of, create_client
from scorecast.runtime.logs import logger
from scorecast.runtime.settings import ApiSettings, read_frame_ancestors

_TOO_BUSY = ApiError(503, "The leaderboard is too busy to answer; try again in a second.")


def handle(event: Any, _context: Any) -> Answer:
    """Answer an API Gateway proxy request (REST, payload 1.0): Lambda's entry point."""
    request = event if isinstance(event, dict) else {}
    match request.get("httpMethod"):
        case "OPTIONS":
            return options_answer()
        case "HEAD":
            return _answered(request) | {"body": ""}
        case _:
            return _answered(request)


def _answered(request: dict[str, Any]) -> Answer:
    caller = caller_of(request)
    answer = _answered_to(caller, request)
    return answer if caller is None else answer | {"headers": answer["headers"] | VARY}


def _answered_to(caller: str | None, request: dict[str, Any]) -> Answer:
    try:
        return revalidated(_answer(caller, request), request)
    except ApiError as error:
        logger.info("api status=%d parameter=%s", error.status, error.parameter)
        return problem_answer(error)
    except NotAcknowledged as error:
        logger.warning("api status=503 %s", error)
        return problem_answer(_TOO_BUSY)
    except (BotoCoreError, ClientError) as error:
        # The service's message is not logged, because it may repeat the request's data.
        logger.error("api status=503 %s", code_of(error))
        return problem_answer(_TOO_BUSY)
    except CannotRead as error:
        # Somebody wrote a board's policy without `scorecast boards set`; the answer names the board.
        logger.error("api status=500 %s", type(error).__name__)
        return problem_answer(ApiError(500, str(error)))


def _answer(caller: str | None, request: dict[str, Any]) -> Answer:
    match read_query(request):
        case ShowPage() as page:
            return page.answer(read_frame_ancestors(os.environ))
        case GetOpenApi() as document:
            return document.answer()
        case question:
            return json_answer(question.answer(replace(reader(), caller=caller)))


@cache
def reader() -> LeaderboardReader:
    """Make the function's client, once per process."""
    settings = ApiSettings.from_environment(os.environ)
    return LeaderboardReader(
        create_client("dynamodb"),
        settings.leaderboard_table,
        settings.leaderboard_index,
        settings.leaderboard_tie_index,
        settings.board_table,
        settings.page_token_key,
    )
