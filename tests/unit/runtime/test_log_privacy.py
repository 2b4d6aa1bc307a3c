"""Lambda logs no data of a change, even if the invocation fails.

A marker replaces every value of a message, one at a time, and AWS fails every kind of call with a message that repeats
the request. A reason that contains a value goes only to the dead-letter queue, which has the change itself.
"""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.api import handler as api
from scorecast.api.reader import LeaderboardReader
from scorecast.changes.change import from_record, to_detail
from scorecast.changes.claim_store import ClaimStore
from scorecast.dead_letters.queue import DeadLetterQueue
from scorecast.fanout import handler as fanout
from scorecast.fanout.publish import Publisher
from scorecast.leaderboard.policy import policy_key
from scorecast.leaderboard.policy_table import PolicyTable
from scorecast.runtime.settings import AttributeNames, ConsumerSettings, FanoutSettings
from scorecast.standings import handler as standings
from scorecast.standings.store import Leaderboard
from tests.support.consumer_system import message
from tests.support.fakes import BUS, STREAM_ARN, FakeDynamoDb, FakeEvents, FakeObjects, FakeSqs, item, record
from tests.support.mutations import exchanged, paths_of
from tests.support.standings_fakes import announcements_of

MARKER = "s3cret"
SECRET = item(f"{MARKER}-id", f"{MARKER}-board", name=f"{MARKER}-name") | {"note": {"S": MARKER}}
RECORD = record(SECRET, SECRET | {"projectScore": {"N": "5"}})
EVENT = {
    "source": "update.aws.dynamodb",
    "resources": [STREAM_ARN],
    "detail": to_detail(from_record(RECORD)) | {"types": {"/new/note": "B"}},
}

LARGE_RECORD = record(SECRET | {"note": {"S": MARKER * 100_000}}, SECRET | {"note": {"S": MARKER * 100_000}})
CLAIM = {"bucket": "backup", "key": f"images/{MARKER}", "sha256": "0" * 64, "bytes": 1, "leftOut": ["/new/userName"]}
LARGE_EVENT = EVENT | {"detail": to_detail(from_record(RECORD)) | {"images": CLAIM}}


class Context:
    def __init__(self, left_s: float = 60.0) -> None:
        self.left_s = left_s

    def get_remaining_time_in_millis(self) -> float:
        self.left_s -= 2  # each question takes two seconds
        return (self.left_s + 2) * 1000


Logged = Callable[..., str]


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Invoke a handler, and return all that Lambda would log: lines, output, metrics, the error with its traceback."""
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("METRICS_STACK", "fanout")
    lines = logging.Formatter("%(message)s")

    def of(handle: Callable[[Any, Any], Any], event: Any, context: Any = None) -> str:
        caplog.clear()
        error = ""
        try:
            handle(event, context or Context())
        except Exception:
            error = traceback.format_exc()
        return "\n".join([*map(lines.format, caplog.records), *capfd.readouterr(), error])

    return of


def with_marker(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The document, and the document with the marker in place of each of its values."""
    yield document
    for path in paths_of(document):
        yield exchanged(document, path, MARKER)
        yield exchanged(document, path, {"N": MARKER})


def refusal(code: str = "ValidationException", status: int = 400) -> ClientError:
    """An error of AWS whose message repeats the request."""
    response = {
        "Error": {"Code": code, "Message": f"not taken: {MARKER}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Operation")  # type: ignore[arg-type]


# S3 forbids the first read of an object, and is busy at the next.
S3_REFUSALS = cycle([refusal("AccessDenied"), refusal("SlowDown", 503)])
NO_S3 = ClaimStore(lambda: FakeObjects(refuse=lambda _: next(S3_REFUSALS)))


def refuse(*_: Any, **__: Any) -> Any:
    raise refusal()


def test_the_test_sees_lines_output_and_errors(logged: Logged) -> None:
    def handle(*_: Any) -> None:
        logging.getLogger("scorecast").info("line %s", MARKER)
        print("output", MARKER)
        raise ValueError(f"error {MARKER}")

    assert all(f"{kind} {MARKER}" in logged(handle, {}) for kind in ("line", "output", "error"))


@pytest.mark.parametrize(("bus", "refuses", "left_s"), [
    (FakeEvents(), False, 60.0),
    (FakeEvents(), True, 60.0),
    (FakeEvents(), False, 1.0),
    (FakeEvents(refuse_entry=lambda _: "MalformedDetail"), False, 60.0),
    (FakeEvents(refuse_entry=lambda _: "InternalFailure"), False, 10.001),
    (FakeEvents(refuse_call=lambda _: refusal()), False, 60.0),
    (FakeEvents(refuse_call=lambda _: refusal()), True, 60.0),
])  # fmt: skip
def test_fanout_logs_no_data(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, bus: FakeEvents, refuses: bool, left_s: float
) -> None:
    with ThreadPoolExecutor(1) as executor:
        settings, queue = FanoutSettings(BUS, "queue", 1), DeadLetterQueue(FakeSqs(refuses), "queue")
        function = fanout.Fanout(settings, Publisher(bus, NO_S3, executor, 1), queue)
        monkeypatch.setattr(fanout, "fanout", lambda: function)
        for one in [*with_marker(RECORD), LARGE_RECORD, LARGE_RECORD | {"eventName": "TRUNCATE"}]:
            text = logged(fanout.handle, {"Records": [one]}, Context(left_s))
            is_done = "fanout records=1" in text and '"RecordsIn": 1' in text
            assert is_done or "NotAcknowledged" in text or "NotStored" in text
            assert MARKER not in text


def tables(**broken: Callable[..., Any]) -> FakeDynamoDb:
    table = FakeDynamoDb()
    vars(table).update(broken)
    return table


def declaring(name: str, value: str) -> FakeDynamoDb:
    """A table in which the board has a policy."""
    table = FakeDynamoDb()
    table.put_item(TableName="boards", Item=policy_key(f"{MARKER}-board") | {name: {"S": value}})
    return table


@pytest.mark.parametrize(("table", "refuses", "bus"), [
    (tables(), False, FakeEvents()),
    (tables(), True, FakeEvents()),
    (tables(before=lambda _: "TransactionConflict"), False, FakeEvents()),
    (tables(before=refuse), False, FakeEvents()),
    (tables(before=refuse), True, FakeEvents()),
    (tables(batch_get_item=refuse), False, FakeEvents()),
    (tables(put_item=refuse), False, FakeEvents()),
    (tables(query=refuse), False, FakeEvents()),
    (tables(), False, FakeEvents(refuse_call=lambda _: refusal())),
    (declaring("keep", "worst"), False, FakeEvents()),
    (declaring("closesAt", "2020-04-15T08:26:16Z"), False, FakeEvents()),
])  # fmt: skip
def test_consumer_logs_no_data(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, table: FakeDynamoDb, refuses: bool, bus: FakeEvents
) -> None:
    settings = ConsumerSettings("leaderboard", "boards", "queue", "consumer", AttributeNames())
    leaderboard, queue = Leaderboard(table, "leaderboard", "boards", lambda _: None), FakeSqs(refuses)
    dead_letters, policies = DeadLetterQueue(queue, "queue"), PolicyTable(table, "boards")
    announcements = announcements_of(table, bus, 3)
    function = standings.BatchProcessor(settings, leaderboard, dead_letters, NO_S3, policies, announcements)
    monkeypatch.setattr(standings, "processor", lambda: function)
    for one in [*with_marker(EVENT), *with_marker(LARGE_EVENT)]:
        batch = {"Records": [message("1", json.dumps(one)), message("2", f"{MARKER} {{")]}
        for event in (batch, one):
            text = logged(standings.handle, event)
            assert "standings changes=" in text
            assert '"ChangesIn": ' in text
            assert MARKER not in text


class Reader:
    """A leaderboard that returns the same item to every call, or refuses."""

    def __init__(self, found: dict[str, Any] | None) -> None:
        self.found = found

    def query(self, **_: Any) -> dict[str, Any]:
        return {"Items": [self._item()], "Count": 1}

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": self._item()}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        return {"Responses": {table: [self._item()] for table in RequestItems}}

    def _item(self) -> dict[str, Any]:
        return self.found if self.found is not None else refuse()


@pytest.mark.parametrize("found", [None, SECRET, SECRET | {"projectScore": {"N": MARKER}}, {"id": {"S": MARKER}}])
@pytest.mark.parametrize("path", ["", "/histogram", "/participants/1"])
def test_leader_get_logs_no_data(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any] | None, path: str
) -> None:
    reader = LeaderboardReader(Reader(found), "leaderboard", "index", "ties", "boards", "key")
    monkeypatch.setattr(api, "reader", lambda: reader)
    parameters = {"hackathonName": f"{MARKER}-board"} if not path else None
    board = f"/{MARKER}-board" if path else ""
    event = {"path": f"/leaderBoard{board}{path}", "queryStringParameters": parameters}
    assert MARKER not in logged(api.handle, event)
