"""The engine's process: what survives a stop, a kill and a second start, and the message if it cannot start."""

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.twin import deployment, lifecycle, process
from scorecast.twin.instance import Twin, lock_file, locked, note_file, read_note
from tests.support.deployed import Stack, Steps, copy_of, deployed, events_in_backup, free_port, processes_of
from tests.support.own_function import OwnFunction, arn_of_queue
from tests.support.pipeline import only, shows_total
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def own(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, since its engine is stopped and killed."""
    with copy_of(made, tmp_path_factory.mktemp("own") / "copy") as stack:
        yield stack


@pytest.fixture
def up(own: Stack) -> Stack:
    """The stack with its engine running, whatever the previous test did to it."""
    lifecycle.up(own.twin, Steps())
    return own


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Twin]:
    """A twin whose folder is empty."""
    twin = Twin(root=tmp_path, state_dir=tmp_path / "twin", port=free_port())
    yield twin
    process.stop(twin)
    assert processes_of(twin) == []


def put(stack: Stack, participant: str, score: int, board: str) -> None:
    item = {"id": {"S": participant}, "metadata": {"S": board}, "projectScore": {"N": str(score)}}
    stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=item)


def shows(stack: Stack, participant: str, score: int, board: str) -> None:
    status, body = stack.get(f"leaderBoard/{board}/participants/{participant}")
    assert (status, body.get("projectScore")) == (200, score)


def queue_url(stack: Stack) -> str:
    return str(stack.client("sqs").create_queue(QueueName="kept")["QueueUrl"])


# ---------------------------------------------------------------- stop and start


def test_a_restart_keeps_data_and_position_and_builds_nothing(up: Stack) -> None:
    board = str(uuid.uuid4())
    put(up, "before", 1, board)
    eventually(lambda: shows(up, "before", 1, board))
    up.client("sqs").send_message(QueueUrl=queue_url(up), MessageBody="kept")
    assert lifecycle.down(up.twin)
    assert processes_of(up.twin) == []

    steps = Steps()
    lifecycle.up(up.twin, steps)
    assert steps.titles == ["engine", "sample data", "leaderboard"]
    shows(up, "before", 1, board)
    assert up.client("sqs").receive_message(QueueUrl=queue_url(up))["Messages"][0]["Body"] == "kept"
    assert up.client("s3").list_objects_v2(Bucket=up.outputs["BackupBucketName"])["KeyCount"] > 0
    # The first change after a restart must not be skipped.
    put(up, "after", 2, board)
    eventually(lambda: shows(up, "after", 2, board))


def test_changes_and_invocations_on_their_way_when_the_engine_stops_arrive_after_the_next_start(up: Stack) -> None:
    function, letters = function_that_fails(up.twin)
    board = str(uuid.uuid4())
    for number in range(200):
        put(up, f"p{number}", number, board)
    function.invoke(b'{"a": 1}', "Event")
    lifecycle.down(up.twin)
    lifecycle.up(up.twin, Steps())

    eventually(lambda: shows_total(up, board, 200))
    received = eventually(lambda: only(up.client("sqs").receive_message(QueueUrl=letters).get("Messages", [])))
    letter = json.loads(received["Body"])
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert letter["requestContext"]["approximateInvokeCount"] == 3
    assert (letter["requestPayload"], letter["responsePayload"]["errorMessage"]) == ({"a": 1}, "no")


def function_that_fails(twin: Twin) -> tuple[OwnFunction, str]:
    """Make a function; return it with the address of the queue that gets its failed asynchronous invocations."""
    name = str(uuid.uuid4())
    function = OwnFunction(twin, name, "def handle(event, context):\n    raise ValueError('no')\n")
    url = twin.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    on_failure = {"OnFailure": {"Destination": arn_of_queue(name)}}
    twin.client("lambda").put_function_event_invoke_config(FunctionName=name, DestinationConfig=on_failure)
    return function, str(url)


def test_the_data_moves_to_another_port(up: Stack) -> None:
    board = str(uuid.uuid4())
    lifecycle.down(up.twin)
    moved = replace(up.twin, port=free_port())
    lifecycle.up(moved, Steps())
    there = deployed(moved)
    put(there, "moved", 3, board)
    eventually(lambda: shows(there, "moved", 3, board))
    lifecycle.down(moved)


def test_a_second_up_finds_everything_done(up: Stack) -> None:
    steps = Steps()
    lifecycle.up(up.twin, steps)
    assert steps.titles == ["engine", "sample data", "leaderboard"]
    assert "It was already running." in steps.remarks


def test_an_engine_of_an_earlier_version_is_restarted_and_keeps_the_data(up: Stack) -> None:
    board, steps = str(uuid.uuid4()), Steps()
    put(up, "kept", 5, board)
    eventually(lambda: shows(up, "kept", 5, board))
    note = json.loads(note_file(up.twin.state_dir).read_text())
    note_file(up.twin.state_dir).write_text(json.dumps(note | {"code": "earlier"}))
    lifecycle.up(up.twin, steps)
    assert "It ran an earlier version, and was restarted." in steps.remarks
    shows(up, "kept", 5, board)


def test_two_ups_at_once_do_the_work_once(up: Stack) -> None:
    lifecycle.down(up.twin)
    both = [Steps(), Steps()]
    threads = [threading.Thread(target=lifecycle.up, args=(up.twin, steps)) for steps in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [steps.remarks.count("It was already running.") for steps in both].count(1) == 1
    assert process.version(up.twin)


def test_a_change_of_the_template_is_deployed_and_keeps_the_data(up: Stack) -> None:
    board = str(uuid.uuid4())
    put(up, "kept", 4, board)
    eventually(lambda: shows(up, "kept", 4, board))
    template = up.twin.root / "template.yaml"
    template.write_text(template.read_text().replace("RetentionInDays: 30", "RetentionInDays: 60"))
    steps = Steps()
    lifecycle.up(up.twin, steps)
    assert "deploy (sam deploy)" in steps.titles
    shows(up, "kept", 4, board)
    groups = up.client("logs").describe_log_groups()["logGroups"]
    assert 60 in {group.get("retentionInDays") for group in groups}


def test_the_sample_data_is_not_written_again_after_a_user_changed_it(up: Stack) -> None:
    table, key = up.outputs["MainTableName"], {"id": {"S": "3"}, "metadata": {"S": "StarWar"}}
    up.client("dynamodb").delete_item(TableName=table, Key=key)
    lifecycle.up(up.twin, Steps())
    assert "Item" not in up.client("dynamodb").get_item(TableName=table, Key=key)


def test_down_where_nothing_runs_says_so(bare: Twin) -> None:
    assert not lifecycle.down(bare)
    process.start(bare)
    assert lifecycle.down(bare)
    assert not lifecycle.down(bare)


# ---------------------------------------------------------------- killed, half-started, in the way


def kill(twin: Twin) -> None:
    os.kill(read_note(twin.state_dir)["pid"], signal.SIGKILL)
    eventually(lambda: _assert(not process.is_running(twin)))


def _assert(holds: bool) -> None:
    assert holds


def test_a_kill_during_a_load_loses_a_second_at_most_and_all_that_is_left_agrees(up: Stack) -> None:
    board = str(uuid.uuid4())
    for number in range(40):
        put(up, f"p{number}", number, board)
    wait_until_saved(up.twin)
    for number in range(40, 40 + random.SystemRandom().randrange(40)):
        put(up, f"p{number}", number, board)
    kill(up.twin)

    steps = Steps()
    lifecycle.up(up.twin, steps)
    assert any("It was killed, and went back to" in remark for remark in steps.remarks)
    kept = {item["id"]["S"] for item in up.client("dynamodb").scan(**of_board(up, board))["Items"]}
    assert {f"p{number}" for number in range(40)} <= kept

    def agrees() -> None:
        status, body = up.get("leaderBoard/", hackathonName=board, limit="100")
        assert (status, {entry["id"] for entry in body.get("entries", [])}) == (200, kept)
        changed = [event["detail"]["keys"] for event in events_in_backup(up)]
        assert {keys["id"] for keys in changed if keys["metadata"] == board} == kept

    eventually(agrees)
    put(up, "after", 100, board)
    eventually(lambda: shows(up, "after", 100, board))


def wait_until_saved(twin: Twin) -> None:
    """Wait for a cut that began after now."""
    now = time.time()
    eventually(lambda: _assert(newest_cut(twin) > now))


def newest_cut(twin: Twin) -> float:
    with closing(sqlite3.connect(twin.journal)) as beside_the_engine:
        return float(beside_the_engine.execute("SELECT moment FROM cut").fetchone()[0])


def of_board(stack: Stack, board: str) -> dict[str, Any]:
    return {
        "TableName": stack.outputs["MainTableName"],
        "FilterExpression": "metadata = :board",
        "ExpressionAttributeValues": {":board": {"S": board}},
    }


def test_a_kill_leaves_no_function_behind(up: Stack) -> None:
    up.get("leaderBoard/")
    assert len(processes_of(up.twin)) > 1
    kill(up.twin)
    eventually(lambda: _assert(processes_of(up.twin) == []))


def test_an_engine_killed_before_it_saved_starts_empty(bare: Twin) -> None:
    process.start(bare)
    kill(bare)
    bare.journal.unlink()
    (bare.objects / "000000000000" / "unknown").mkdir(parents=True)
    assert "it starts empty" in process.start(bare)
    assert bare.client("s3").list_buckets()["Buckets"] == []


def test_a_stale_note_is_no_engine(bare: Twin) -> None:
    bare.state_dir.mkdir()
    # The process that runs this test exists, but holds no lock.
    note_file(bare.state_dir).write_text(json.dumps({"pid": os.getpid(), "port": bare.port}))
    assert not process.is_running(bare)
    assert not process.stop(bare)
    process.start(bare)
    assert process.version(bare)


def test_an_unreadable_note_does_no_harm(bare: Twin) -> None:
    bare.state_dir.mkdir()
    note_file(bare.state_dir).write_text("{")
    process.start(bare)
    assert process.version(bare)


def test_a_port_in_use_is_named_with_a_next_step(bare: Twin) -> None:
    with socket.create_server(("127.0.0.1", bare.port)), pytest.raises(UserError) as raised:
        process.start(bare)
    assert f"Port {bare.port} is used by another program" in str(raised.value)
    assert "SCORECAST_PORT=" in str(raised.value)
    assert not process.is_running(bare)


def test_a_running_engine_does_not_change_its_port(bare: Twin) -> None:
    process.start(bare)
    other = replace(bare, port=free_port())
    with pytest.raises(UserError, match=f"already runs on port {bare.port}"):
        process.start(other)


def test_an_engine_that_hangs_half_started_is_replaced(bare: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    process.start(bare)
    pid = read_note(bare.state_dir)["pid"]
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(process, "START_DEADLINE_S", 5.0)
    assert "half-started" in process.start(bare)
    assert read_note(bare.state_dir)["pid"] != pid


def test_an_engine_that_cannot_start_says_why(bare: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = process._environment(bare)
    monkeypatch.setattr(process, "_environment", lambda _: settings | {"GATEWAY_PORT": "no number"})
    with pytest.raises(UserError, match="The engine ended while it started: ValueError"):
        process.start(bare)


def test_an_engine_has_said_its_last_words_when_its_lock_is_free(bare: Twin) -> None:
    code = f"""
import sys
from pathlib import Path
from scorecast.twin import engine, instance
folder = Path({str(bare.state_dir)!r})
sys.excepthook = lambda *_: print("locked:", instance.is_locked(instance.lock_file(folder)), flush=True)
engine.main(folder)
"""
    environment = process._environment(bare) | {"GATEWAY_PORT": "no number"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "locked: True\n"


def test_an_up_that_waits_for_another_goes_on_when_it_may(up: Stack) -> None:
    steps = Steps()
    with locked(up.twin.state_dir / "up.lock", wait=False):
        waiting = threading.Thread(target=lifecycle.up, args=(up.twin, steps))
        waiting.start()
        eventually(lambda: _assert(steps.titles == ["waiting for another `scorecast up`"]))
    waiting.join()
    assert steps.titles[-1] == "leaderboard"


def test_the_lock_is_gone_with_its_process(bare: Twin) -> None:
    process.start(bare)
    with pytest.raises(BlockingIOError), locked(lock_file(bare.state_dir), wait=False):
        pass
    kill(bare)
    with locked(lock_file(bare.state_dir), wait=False):
        pass


# ---------------------------------------------------------------- deployments that went wrong


def test_a_failed_deployment_is_one_sentence_and_the_next_one_succeeds(up: Stack) -> None:
    template = up.twin.root / "template.yaml"
    original = template.read_text()
    template.write_text(original.replace("AWS::DynamoDB::Table", "AWS::DynamoDB::Nonsense", 1))
    try:
        with pytest.raises(UserError, match=r"`sam (build|deploy)` failed"):
            lifecycle.up(up.twin, Steps())
    finally:
        template.write_text(original)
    state = lifecycle.up(up.twin, Steps())
    assert state.is_complete


def test_a_stack_that_was_never_finished_is_deleted(up: Stack) -> None:
    broken = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}},
        "Outputs": {"Broken": {"Value": {"Fn::GetAtt": ["Queue", "Nonsense"]}}},
    }
    stray = replace(up.twin, stack="stray")
    up.client("cloudformation").create_stack(StackName="stray", TemplateBody=json.dumps(broken), OnFailure="DO_NOTHING")
    eventually(lambda: _assert(deployment.describe(stray).status == "CREATE_FAILED"))
    assert "interrupted" in deployment.delete_unfinished(stray)
    assert deployment.describe(stray).status in (None, "DELETE_COMPLETE")
