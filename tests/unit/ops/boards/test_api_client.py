"""The API as the command line reads it."""

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from scorecast.errors import UserError
from scorecast.ops.boards.api_client import ApiClient, api_of
from scorecast.ops.stack.stack import Stack, Target


class FakeApi:
    """Answers by path; remembers the requests."""

    def __init__(self, boards: dict[str, int]) -> None:
        self.boards = boards
        self.asked: list[str] = []

    def fetch(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url.removeprefix("https://api/"))
        status, answer = self._answer(urlsplit(url))
        return status, answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def _answer(self, url: Any) -> tuple[int, Any]:
        parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/leaderBoard/" and "hackathonName" not in parameters:
            start = int(parameters.get("next", 0))
            boards = [{"hackathonName": name, "total": total} for name, total in self.boards.items()]
            page = {"boards": boards[start : start + 100]}
            return 200, page | ({"next": str(start + 100)} if start + 100 < len(boards) else {})
        if url.path == "/leaderBoard/":
            return self._page(parameters)
        if url.path == "/leaderBoard/Star%2FWar/participants/a%20b":
            return 200, b'{"id": "a b", "projectScore": 0.12345678901234567890123456789012345678, "rank": 1}'
        return 404, {"detail": "not on the board"}

    def _page(self, parameters: dict[str, str]) -> tuple[int, Any]:
        board, limit, start = parameters["hackathonName"], int(parameters["limit"]), int(parameters.get("next", 0))
        if board == "broken":
            return 502, b"<html>"
        if board not in self.boards:
            return 404, {"detail": "There is no such board.", "parameter": "hackathonName"}
        total = self.boards[board]
        ranks = range(start + 1, min(start + limit, total) + 1)
        page = {"total": total, "entries": [{"rank": rank} for rank in ranks]}
        return 200, page | ({"next": str(start + limit)} if start + limit < total else {})


@pytest.fixture
def api() -> FakeApi:
    return FakeApi({"StarWar": 250, "WarCraft": 1})


def client(api: FakeApi) -> ApiClient:
    return ApiClient("https://api/", api.fetch)


@pytest.mark.parametrize(("limit", "shown", "calls"), [(10, 10, 1), (100, 100, 1), (101, 101, 2), (999, 250, 3)])
def test_the_top_is_read_from_as_many_pages_as_needed(api: FakeApi, limit: int, shown: int, calls: int) -> None:
    answer = client(api).top("StarWar", limit)
    assert [entry["rank"] for entry in answer["entries"]] == list(range(1, shown + 1))
    assert answer["total"] == 250
    assert len(api.asked) == calls


def test_all_boards_are_read_from_as_many_pages_as_needed() -> None:
    api = FakeApi({f"board {at}": 1 for at in range(250)})
    assert [board["hackathonName"] for board in client(api).list_boards()] == list(api.boards)
    assert api.asked == ["leaderBoard/", "leaderBoard/?next=100", "leaderBoard/?next=200"]


def test_an_unknown_board_names_the_existing_ones(api: FakeApi) -> None:
    with pytest.raises(UserError, match=r"There is no such board\. The boards are: StarWar, WarCraft\."):
        client(api).top("Nope", 10)


def test_a_malformed_answer_of_the_api_is_reported(api: FakeApi) -> None:
    with pytest.raises(UserError, match="The API answered 502 to /leaderBoard/: it gave no reason"):
        client(FakeApi({})).top("broken", 10)


def test_a_score_keeps_all_its_digits_and_names_are_quoted(api: FakeApi) -> None:
    assert client(api).score_of("Star/War", "a b") == Decimal("0.12345678901234567890123456789012345678")


def test_a_participant_who_is_not_on_the_board_has_no_score(api: FakeApi) -> None:
    assert client(api).score_of("StarWar", "nobody") is None
    with pytest.raises(UserError, match="The participant 'nobody' is not on the board 'StarWar'"):
        client(api).rank("StarWar", "nobody")


def sent(outputs: dict[str, str], session: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The headers of a request to a stack with these outputs."""
    headers: dict[str, str] = {}

    def send(_: Any, request: Any) -> SimpleNamespace:
        headers.update(request.headers)
        return SimpleNamespace(status_code=200, content=b'{"boards": []}')

    monkeypatch.setattr(URLLib3Session, "send", send)
    api = {"LeaderGetApi": "https://abc.execute-api.us-east-1.amazonaws.com/Prod/leaderBoard/"}
    api_of(Stack(Target(session), "fanout", outputs | api)).list_boards()
    return headers


def test_a_request_has_the_key_that_is_given_or_else_the_stacks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    client = SimpleNamespace(get_api_key=lambda **asked: {"value": f"value of {asked['apiKey']}"})
    session = SimpleNamespace(client=lambda *_, **__: client)
    outputs = {"ApiAccess": "key", "ApiKeyId": "k3y"}
    assert sent(outputs, session, monkeypatch)["X-Api-Key"] == "value of k3y"
    monkeypatch.setenv("SCORECAST_API_KEY", "mine")
    assert sent(outputs, session, monkeypatch)["X-Api-Key"] == "mine"


def test_a_request_is_signed_if_the_api_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials("AKIA", "secret")
    session = SimpleNamespace(get_credentials=lambda: credentials, region_name="us-east-1")
    assert "/us-east-1/execute-api/aws4_request" in sent({"ApiAccess": "iam"}, session, monkeypatch)["Authorization"]
    assert sent({"ApiAccess": "open"}, session, monkeypatch) == {}


def test_an_api_that_needs_a_signature_says_so_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SimpleNamespace(get_credentials=lambda: None, region_name="us-east-1")
    with pytest.raises(UserError, match="needs a signature: give credentials"):
        sent({"ApiAccess": "iam"}, session, monkeypatch)


def test_a_refused_key_is_said_with_what_to_give() -> None:
    with pytest.raises(
        UserError, match=r"refused the request \(403\): give a key in SCORECAST_API_KEY, or credentials"
    ):
        ApiClient("https://api/", lambda _: (403, b'{"message": "Forbidden"}')).list_boards()
