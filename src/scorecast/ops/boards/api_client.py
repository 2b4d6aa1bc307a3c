"""ApiClient: the stack's REST API as the command line reads it. Scores keep all their digits.

Raises the API's errors with the API's own message; for an unknown board, the message names the boards that exist.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from scorecast.errors import UserError
from scorecast.ops.stack.stack import Stack

Json = dict[str, Any]
Fetch = Callable[[str], tuple[int, bytes]]
"""GET a URL: the status and the body."""

# The key to use for a stack with ApiAccess=key; without it, the stack's own key is read.
API_KEY = "SCORECAST_API_KEY"
TIMEOUT_S = 30
PAGE_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Reads boards, entries and ranks from the API."""

    url: str
    fetch: Fetch

    def list_boards(self) -> list[Json]:
        """Return all boards with their totals, from all pages: {hackathonName, order, total, ...}."""
        return [board for page in self._pages({}) for board in page["boards"]]

    def top(self, board: str, limit: int) -> Json:
        """Return the best `limit` entries, from as many pages as necessary: {hackathonName, total, entries, ...}."""
        entries: list[Json] = []
        for page in self._pages({"hackathonName": board, "limit": str(min(limit, PAGE_ENTRIES))}):
            entries += page["entries"]
            if len(entries) >= limit:
                break
        page.pop("next", None)
        return page | {"entries": entries[:limit]}

    def rank(self, board: str, participant: str) -> Json:
        """Return one entry: {hackathonName, id, userName, projectScore, rank, percentile, total, above, below}."""
        answer = self._find(board, participant)
        if answer is None:
            self.top(board, 1)  # raises for an unknown board
            see = f"`scorecast top {shlex.quote(board)}` shows the participants who are"
            raise UserError(f"The participant {participant!r} is not on the board {board!r}: {see}.")
        return answer

    def score_of(self, board: str, participant: str) -> Decimal | None:
        """Return the score that the board shows; None if the participant is not on it."""
        answer = self._find(board, participant)
        return None if answer is None else Decimal(answer["projectScore"])

    def _find(self, board: str, participant: str) -> Json | None:
        path = f"leaderBoard/{quote(board, safe='')}/participants/{quote(participant, safe='')}"
        status, answer = self._answer(path)
        return None if status == 404 else self._accepted(status, answer, path)

    def _pages(self, parameters: dict[str, str]) -> Iterator[Json]:
        while True:
            page = self._get(f"leaderBoard/?{urlencode(parameters)}" if parameters else "leaderBoard/")
            yield page
            if "next" not in page:
                return
            parameters = parameters | {"next": page["next"]}

    def _get(self, path: str) -> Json:
        return self._accepted(*self._answer(path), path)

    def _answer(self, path: str) -> tuple[int, Json]:
        status, body = self.fetch(self.url + path)
        try:
            answer = json.loads(body, parse_float=Decimal)
        except ValueError:
            answer = {}
        return status, answer if isinstance(answer, dict) else {}

    def _accepted(self, status: int, answer: Json, path: str) -> Json:
        if status == 200:
            return answer
        if status == 404 and "parameter" in answer:
            raise UserError(f"{answer['detail']} {self._known_boards()}")
        if status == 403:
            allowed = f"give a key in {API_KEY}, or credentials that may call execute-api:Invoke"
            raise UserError(f"The API refused the request (403): {allowed}, as its ApiAccess asks for.")
        reason = answer.get("detail") or answer.get("message") or "it gave no reason"
        raise UserError(f"The API answered {status} to /{path.partition('?')[0]}: {reason}")

    def _known_boards(self) -> str:
        names = [board["hackathonName"] for board in self.list_boards()]
        return f"The boards are: {', '.join(names)}." if names else "There are no boards yet."


def api_of(stack: Stack) -> ApiClient:
    """Return the client of a stack's API; it uses the SDK's HTTP, so certificates, proxies and errors are the SDK's."""
    # Loopback needs no proxy.
    proxies = {} if stack.target.endpoint else get_environ_proxies(stack.api_url)
    session = URLLib3Session(proxies=proxies, timeout=TIMEOUT_S)
    authorize = _authorization(stack)

    def fetch(url: str) -> tuple[int, bytes]:
        request = AWSRequest("GET", url)
        authorize(request)
        response = session.send(request.prepare())
        return response.status_code, response.content

    return ApiClient(stack.api_url, fetch)


def _authorization(stack: Stack) -> Callable[[AWSRequest], None]:
    """Return a function that adds to a request what `ApiAccess` requires: a key, a signature, or nothing."""
    access = stack.outputs.get("ApiAccess")
    if access == "iam":
        credentials = stack.target.session.get_credentials()
        if credentials is None:
            raise UserError("The API needs a signature: give credentials by --profile or in the environment.")
        return SigV4Auth(credentials, "execute-api", stack.target.session.region_name).add_auth
    if access == "key":
        key = os.environ.get(API_KEY) or _key_of(stack)
        return lambda request: request.headers.add_header("X-Api-Key", key)
    return lambda _: None


def _key_of(stack: Stack) -> str:
    """Read the stack's own key; UserError if that fails: the user may give a key in API_KEY instead."""
    try:
        return str(stack.client("apigateway").get_api_key(apiKey=stack.output("ApiKeyId"), includeValue=True)["value"])
    except ClientError as error:
        raise UserError(f"The API needs a key: give one in {API_KEY}. Reading the stack's failed: {error}") from None
