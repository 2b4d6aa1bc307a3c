"""An engine that is killed comes back to its last cut: tables, streams and positions, queues, logs, Firehose's rest."""

import asyncio
import copy
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ministack import app
from ministack.services import cloudwatch_logs, dynamodb, firehose, lambda_svc, s3, sqs

from scorecast.twin import buffer as buffer_module
from scorecast.twin import durability
from scorecast.twin.buffer import Buffer
from scorecast.twin.durability import Keeper
from scorecast.twin.journal import FILE, last_cut
from scorecast.twin.kept_state import (
    read_state,
    release_messages_of_functions,
    return_pending,
    separate_rows_from_documents,
)

Json = dict[str, Any]
SERVICES = {
    "dynamodb": dynamodb,
    "sqs": sqs,
    "cloudwatch_logs": cloudwatch_logs,
    "lambda": lambda_svc,
    "firehose": firehose,
}
STREAM = {"arn": "arn:stream", "destinations": [{"id": "d1", "config": {}}]}


class Engine:
    """MiniStack's services in this process, with a keeper; `kill` loses what is in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        for service in SERVICES.values():
            service.reset()
        self.buffer = Buffer(lambda *_: None)
        self.keeper = Keeper(self._folder, self.buffer)
        for name, service in SERVICES.items():
            if state := read_state(self.keeper.journal, name):
                service.load_persisted_state(state)
        return_pending(self.keeper.journal, self.buffer)
        self.keeper.adopt()

    def cut(self) -> None:
        self.keeper.write(*self.keeper.take())

    def kill(self) -> None:
        self.keeper.journal.close()
        self.start()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for service in (dynamodb, sqs, cloudwatch_logs):
        for name in ("get_state", "load_persisted_state"):
            monkeypatch.setattr(service, name, getattr(service, name))
    monkeypatch.setattr(buffer_module, "INTERVAL_S", 3600.0)
    monkeypatch.setattr(lambda_svc, "_prune_orphan_code_blobs", lambda _: None)
    monkeypatch.setattr(app, "_build_persistence_save_dict", lambda: {n: s.get_state for n, s in SERVICES.items()})
    separate_rows_from_documents()
    engine = Engine(tmp_path)
    index_item = dynamodb._index_item

    def note(table: Json, pk: str, sk: str, item: Json, add: bool) -> None:
        index_item(table, pk, sk, item, add)
        engine.keeper.note_item(table, pk, sk)

    monkeypatch.setattr(dynamodb, "_index_item", note)
    yield engine
    engine.keeper.journal.close()
    for service in SERVICES.values():
        service.reset()


def memory(engine: Engine) -> Json:
    """What an engine must not forget."""
    kept = {
        "items": {scope: table["items"] for scope, table in dynamodb._tables._data.items()},
        "settings": {scope: table["KeySchema"] for scope, table in dynamodb._tables._data.items()},
        "streams": dynamodb._stream_records._data,
        "closed": dynamodb._closed_streams._data,
        "positions": lambda_svc._dynamodb_stream_positions._data,
        "queues": {scope: (queue["messages"], queue["attributes"]) for scope, queue in sqs._queues._data.items()},
        "logs": {scope: group["streams"] for scope, group in cloudwatch_logs._log_groups._data.items()},
        "pending": [record for each in engine.buffer.pending() for record in each.records],
    }
    # JSON has no tuples, and neither has a state that was loaded.
    return copy.deepcopy({name: json.loads(json.dumps(str(value))) for name, value in kept.items()})


def create_table(name: str = "t") -> None:
    dynamodb._create_table(
        {
            "TableName": name,
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("id", "s")],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
    )


def put(score: int, key: str = "1") -> None:
    item = {"id": {"S": key}, "s": {"S": "board"}, "score": {"N": str(score)}}
    dynamodb._put_item({"TableName": "t", "Item": item})


def delete(key: str) -> None:
    dynamodb._delete_item({"TableName": "t", "Key": {"id": {"S": key}, "s": {"S": "board"}}})


def queue_url() -> str:
    return str(sqs._act_create_queue({"QueueName": "q"}, "")["QueueUrl"])


def log_line(stream: str, number: int) -> None:
    cloudwatch_logs._create_log_group({"logGroupName": "g"})
    cloudwatch_logs._create_log_stream({"logGroupName": "g", "logStreamName": stream})
    events = [{"timestamp": number, "message": f"line {number}"}]
    cloudwatch_logs._put_log_events({"logGroupName": "g", "logStreamName": stream, "logEvents": events})


def act(engine: Engine, draw: random.Random) -> None:
    """Do one of the things that an engine is asked for."""
    number = draw.randrange(1000)
    match draw.randrange(12):
        case 0:
            delete(str(number % 7))
        case 1:
            sqs._receive_messages_for_esm(queue_url(), 3)
        case 2:
            handles = {message["receipt_handle"] for message in sqs._get_q(queue_url())["messages"]} - {None}
            sqs._delete_messages_for_esm(queue_url(), handles)
        case 3 | 4:
            sqs._act_send_message({"QueueUrl": queue_url(), "MessageBody": str(number)}, "")
        case 5:
            lambda_svc._dynamodb_stream_positions["mapping"] = number
        case 6:
            log_line(f"s{number % 3}", number)
        case 7:
            firehose._streams["f"] = STREAM
            engine.buffer.add(STREAM, STREAM["destinations"][0], [(str(number), b"record")])  # type: ignore[arg-type]
        case 8 if number % 4 == 0:
            dynamodb._delete_table({"TableName": "t"})
            create_table()
        case _:
            put(number, str(number % 7))


def test_after_a_kill_at_any_moment_everything_is_as_at_the_last_cut(engine: Engine) -> None:
    draw = random.Random(5)
    create_table()
    engine.cut()
    saved = memory(engine)
    for _ in range(400):
        match draw.randrange(10):
            case 0:
                engine.cut()
                saved = memory(engine)
            case 1:
                engine.kill()
                assert memory(engine) == saved
            case _:
                act(engine, draw)


def test_a_cut_writes_what_changed_and_no_more(engine: Engine) -> None:
    create_table()
    for number in range(100):
        put(number, str(number))
    engine.cut()
    put(0, "7")
    _, changes = engine.keeper.take()
    # The item, its record in the stream, and the table's count of items.
    assert len(changes) <= 3


def test_a_loaded_engine_writes_nothing_that_it_loaded(engine: Engine) -> None:
    create_table()
    put(1)
    engine.cut()
    engine.kill()
    _, changes = engine.keeper.take()
    assert [type(change).__name__ for change in changes] == ["Remove"]  # what waits for Firehose: nothing


def test_a_function_gets_the_messages_again_that_it_had_when_the_engine_was_killed(engine: Engine) -> None:
    url = queue_url()
    lambda_svc._esms["mapping"] = {"EventSourceArn": sqs._get_q(url)["attributes"]["QueueArn"]}
    sqs._act_send_message({"QueueUrl": url, "MessageBody": "1"}, "")
    assert sqs._receive_messages_for_esm(url, 1)
    assert not sqs._receive_messages_for_esm(url, 1)
    release_messages_of_functions()
    (message,) = sqs._receive_messages_for_esm(url, 1)
    assert message["receive_count"] == 2


def test_after_a_failed_write_the_next_cut_has_everything(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table()
    put(1)
    with monkeypatch.context() as full:
        full.setattr(engine.keeper.journal, "write", lambda *_, **__: 1 / 0)
        engine.keeper._try(lambda: engine.keeper.write(*engine.keeper.take()))
    put(2, "2")
    engine.cut()
    saved = memory(engine)
    engine.kill()
    assert memory(engine) == saved


def test_cuts_are_made_while_requests_come_and_a_last_one_at_the_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(durability, "INTERVAL_S", 0.01)

    async def run() -> None:
        engine.keeper.begin()
        engine.keeper.note_request()
        create_table()
        while not last_cut(tmp_path / FILE):
            await asyncio.sleep(0.01)
        put(1)
        engine.keeper.end()

    # In a thread of its own, because Playwright's loop may be running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, asyncio.wait_for(run(), 10)).result()
    saved = memory(engine)
    engine.start()
    assert memory(engine) == saved


def test_an_object_is_noted_only_if_it_is_new(engine: Engine, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("x")
    engine.keeper.note_object(old)
    engine.keeper.note_object(new)
    engine.cut()
    engine.keeper.note_object(new)
    assert [file.read_text() for file in tmp_path.glob("objects-after-*")] == [f"{new}\n"]


def test_an_object_is_on_the_disk_before_the_cut_that_has_it(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flushed = tmp_path / "object", set[Path]()
    monkeypatch.setattr(s3, "_object_disk_path", lambda *_: str(path))
    monkeypatch.setattr(durability, "_flush", lambda file: flushed.add(file) if file.exists() else None)

    def write(*_: Any) -> None:
        engine.cut()  # the one before is being written meanwhile
        path.write_text("x")

    durability._persist_object(engine.keeper, write, "bucket", "key", None)
    engine.cut()
    assert flushed == {path}
