"""The canary: followed step by step on a pipeline that is not there, and removed whatever happens."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from scorecast.leaderboard.index.table import ROOT, shape_key, shard_keys
from scorecast.ops.boards.api_client import ApiClient
from scorecast.ops.doctor.canary import BackupWatch, Canary, canary_of
from scorecast.ops.doctor.finding import Finding, State
from scorecast.ops.stack.main_table import MainTable
from scorecast.ops.stack.polling import Clock
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.announce.top import snapshot_key
from tests.support.ops_fakes import FakeClock, FakeS3, fake_stack, refusal

BOARD = "scorecast-canary-00000000"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Pipeline:
    """A pipeline whose board follows the main table after `lag_s`; it keeps what a deployed one keeps of a board."""

    clock: FakeClock
    lag_s: float = 2.0
    backup_lag_s: float = 60.0
    refuse: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    written_at: float | None = None
    deleted_at: float | None = None
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)

    # ------------------------------------------------------------ DynamoDB

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._call("update_item")
        self.written_at = self.clock.now()
        for key in [
            {"collection": {"S": "boards"}, "name": {"S": BOARD}},
            snapshot_key(BOARD),
            shape_key(BOARD, ROOT),
            *shard_keys(BOARD, ROOT),
        ]:
            self.boards[json.dumps(key)] = key
        return {"Attributes": dict(request["Key"]) | {"projectScore": {"N": "1"}}}

    def delete_item(self, **request: Any) -> dict[str, Any]:
        self._call("delete_item")
        self.deleted_at = self.clock.now()
        return {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(table, request)] = RequestItems.items()
        if table == "leaderboard":
            score = {"projectScore": {"N": "1"}} if self._is_shown() else {}
            exists = self._has_come(self.written_at) or self._has_come(self.deleted_at)
            return {"Responses": {table: [request["Keys"][0] | score] if exists else []}}
        return {"Responses": {table: [key for key in request["Keys"] if json.dumps(key) in self.boards]}}

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(_, requests)] = RequestItems.items()
        for request in requests:
            del self.boards[json.dumps(request["DeleteRequest"]["Key"])]
        return {}

    # ------------------------------------------------------------ API and S3

    def fetch(self, url: str) -> tuple[int, bytes]:
        self._call("fetch")
        if not self._is_shown():
            return 404, b'{"detail": "no such board", "status": 404}'
        if "/participants/" in url:
            return 200, b'{"projectScore": 1}'
        return 200, b'{"entries": [{"id": "canary"}]}'

    def has_come(self) -> bool:
        return self.written_at is not None and self.clock.now() - self.written_at >= self.backup_lag_s

    def _is_shown(self) -> bool:
        return self._has_come(self.written_at) and not self._has_come(self.deleted_at)

    def _has_come(self, at: float | None) -> bool:
        return at is not None and self.clock.now() - at >= self.lag_s

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.refuse:
            raise self.refuse[name]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pipeline(clock: FakeClock) -> Pipeline:
    return Pipeline(clock)


@pytest.fixture
def canary(pipeline: Pipeline, clock: FakeClock) -> Canary:
    types = {"id": "S", "metadata": "S"}
    return Canary(
        table=MainTable(pipeline, "main", AttributeNames(), types),  # type: ignore[arg-type]
        api=ApiClient("https://api/", pipeline.fetch),
        dynamodb=pipeline,
        leaderboard="leaderboard",
        board_table="boards",
        backup=pipeline,  # type: ignore[arg-type]
        board=BOARD,
        participant=BOARD,
        step_s=60,
        backup_s=180,
        clock=Clock(clock.now, clock.sleep),
    )


def run(canary: Canary) -> dict[str, Finding]:
    steps: list[Finding] = []
    canary.run(steps.append)
    return {step.name.removeprefix("canary: "): step for step in steps}


def test_every_step_has_its_seconds(canary: Canary) -> None:
    steps = run(canary)
    assert [*steps] == ["main table", "board", "index", "removal", "backup"]
    assert {step.state for step in steps.values()} == {State.OK}
    seconds = {name: step.seconds or 0 for name, step in steps.items()}
    assert 2 <= seconds["board"] < 4
    assert 2 <= seconds["removal"] < 4
    assert 60 <= seconds["backup"] < 62


def test_nothing_of_the_board_is_left(canary: Canary, pipeline: Pipeline) -> None:
    run(canary)
    assert pipeline.boards == {}
    assert pipeline.deleted_at is not None


def test_the_backup_may_be_skipped(canary: Canary, clock: FakeClock) -> None:
    canary.backup = None
    assert "backup" not in run(canary)
    assert clock.now() < 30


def test_a_backup_that_does_not_come_is_a_fault(canary: Canary, pipeline: Pipeline) -> None:
    pipeline.backup_lag_s = 1_000
    step = run(canary)["backup"]
    assert (step.state, step.found) == (State.FAULT, "not after 180 s")
    assert f"scorecast trace {BOARD} {BOARD}" in step.remedy


def test_a_board_that_does_not_come_is_a_fault_and_the_item_is_deleted(canary: Canary, pipeline: Pipeline) -> None:
    pipeline.lag_s = 1_000
    steps = run(canary)
    assert steps["board"].found == "not after 60 s"
    assert steps["removal"].state is State.FAULT
    assert pipeline.deleted_at is not None
    assert pipeline.boards  # its changes may still come, so nothing is taken from under them


def test_an_api_that_answers_with_errors_says_why(canary: Canary, pipeline: Pipeline, clock: FakeClock) -> None:
    canary.api = ApiClient("https://api/", lambda _: (500, b'{"message": "Internal server error"}'))
    assert "Internal server error" in run(canary)["board"].found
    assert pipeline.deleted_at is not None


def test_credentials_that_may_not_write_are_not_checked(canary: Canary, pipeline: Pipeline) -> None:
    pipeline.refuse["update_item"] = refusal("AccessDeniedException")
    steps = run(canary)
    assert [step.state for step in steps.values()] == [State.NOT_CHECKED]
    assert "delete_item" not in pipeline.calls


@pytest.mark.parametrize("when", ["update_item", "fetch"])
def test_ctrl_c_deletes_the_item_and_awaits_its_removal(canary: Canary, pipeline: Pipeline, when: str) -> None:
    def interrupt_once(name: str = when) -> Callable[..., None]:
        called = pipeline._call

        def call(given: str) -> None:
            called(given)
            if given == name and pipeline.calls.count(name) == 1:
                raise KeyboardInterrupt

        return call

    pipeline._call = interrupt_once()  # type: ignore[method-assign]
    steps: list[Finding] = []
    with pytest.raises(KeyboardInterrupt):
        canary.run(steps.append)
    assert pipeline.deleted_at is not None
    assert steps[-1].name == "canary: removal"
    assert steps[-1].state is State.OK
    assert pipeline.boards == {}


def test_the_backup_is_watched_by_the_canarys_board(clock: FakeClock) -> None:
    event = {"detail": {"keys": {"id": "1", "metadata": BOARD}}}
    other = {"detail": {"keys": {"id": "1", "metadata": "StarWar"}}}
    s3 = FakeS3({"changes/2026/01/01/00/a": json.dumps(other).encode()})
    since = datetime.fromtimestamp(0, UTC)
    watch = BackupWatch(s3, "backup", BOARD, since, now=lambda: datetime.fromtimestamp(3600, UTC))
    assert not watch.has_come()
    s3.objects["changes/1970/01/01/00/b"] = json.dumps(event).encode()
    assert watch.has_come()
    assert watch.found is not None
    assert watch.found.key == "changes/1970/01/01/00/b"


@pytest.mark.parametrize(("kind", "is_number"), [("S", False), ("N", True)])
def test_a_canary_has_a_board_of_its_own_and_an_id_of_the_keys_type(kind: str, is_number: bool) -> None:
    class Tables:
        def describe_table(self, **_: Any) -> dict[str, Any]:
            types = [
                {"AttributeName": "id", "AttributeType": kind},
                {"AttributeName": "metadata", "AttributeType": "S"},
            ]
            return {"Table": {"KeySchema": types, "AttributeDefinitions": types}}

    one, other = (
        canary_of(fake_stack(dynamodb=Tables(), s3=FakeS3({})), with_backup=True, step_s=60) for _ in range(2)
    )
    assert one.board.startswith("scorecast-canary-")
    assert one.board != other.board
    assert one.participant.isdigit() is is_number
