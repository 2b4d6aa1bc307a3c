"""The example consumers: the Python one takes batches, the TypeScript one compiles against the types of events."""

import importlib.util
import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from scorecast.changes.change import from_record, to_detail
from scorecast.consumer import MemoryStore
from tests.support.examples import EXAMPLES, compile_typescript
from tests.support.fakes import STREAM_ARN, item, record
from tests.unit.consumer.test_received import event


class Copy:
    """A table of boto3's resource; it refuses the participants in `refused`."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.refused: set[str] = set()

    def put_item(self, *, Item: dict[str, Any]) -> None:
        if Item["id"] in self.refused:
            raise TimeoutError("as told")
        self.items[Item["id"]] = Item["projectScore"]

    def delete_item(self, *, Key: dict[str, Any]) -> None:
        del self.items[Key["id"]]


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "STORE_TABLE", "COPY_TABLE"):
        monkeypatch.setenv(name, "us-east-1")
    spec = importlib.util.spec_from_file_location("example_consumer", EXAMPLES / "python" / "consumer.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "store", MemoryStore())
    monkeypatch.setattr(module, "copy", Copy())
    return module


def batch(*events: dict[str, Any]) -> dict[str, Any]:
    return {"Records": [{"messageId": str(at), "body": json.dumps(one)} for at, one in enumerate(events)]}


def test_the_python_example_keeps_the_newest_of_each_item(example: ModuleType) -> None:
    scores = [("10", 1), ("30", 3), ("20", 2), ("30", 3)]
    answer = example.handle(batch(*(event(item(score=score), sequence=at) for score, at in scores)), SimpleNamespace())
    assert answer == {"batchItemFailures": []}
    assert example.copy.items == {"1": 30}
    removed = {"resources": [STREAM_ARN], "detail": to_detail(from_record(record(None, item(), sequence=4)))}
    example.handle(batch(removed), SimpleNamespace())
    assert example.copy.items == {}


def test_what_fails_in_the_python_example_comes_again_and_delays_nothing_else(example: ModuleType) -> None:
    example.copy.refused = {"2"}
    events = batch(event(item("2")), event(item("3")), {})
    answer = example.handle(events, SimpleNamespace())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "2"}]}
    example.copy.refused = set()
    assert example.handle(events, SimpleNamespace()) == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert example.copy.items == {"2": 60, "3": 60}


def test_the_typescript_example_compiles() -> None:
    assert compile_typescript().exists()
