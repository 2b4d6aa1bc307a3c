"""What nobody needs is left out: events that were delivered, a log line for each, searches, copies and checks."""

import gc
import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import dynamodb, eventbridge

from scorecast.twin import needless_work


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    logger, threshold = logging.getLogger("events"), gc.get_threshold()
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setattr(eventbridge, "_events_log_list", eventbridge._events_log_list)
    for name in ("copy", "_ddb_canonicalize_number"):
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    yield
    gc.set_threshold(*threshold)
    logger.setLevel(logger.level)


def test_delivered_events_do_not_stay_in_memory() -> None:
    needless_work.apply()
    for number in range(100):
        assert b'"FailedEntryCount": 0' in eventbridge._put_events({"Entries": [{"Source": str(number)}]})[2]
    assert len(eventbridge._events_log_list()) == 1


def test_warnings_about_events_are_still_logged() -> None:
    logger = logging.getLogger("events")
    logger.setLevel(logging.INFO)  # as the engine logs
    needless_work.apply()
    assert logger.isEnabledFor(logging.WARNING)
    assert not logger.isEnabledFor(logging.INFO)


def test_a_copy_of_an_item_has_nothing_in_common_with_it() -> None:
    needless_work.apply()
    item: dict[str, Any] = {
        "id": {"S": "p1"},
        "list": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": None}]},
        "set": {"SS": ["a"]},
    }
    copied = dynamodb.copy.deepcopy(item)
    assert copied == item
    copied["list"]["L"][0]["N"] = "2"
    copied["set"]["SS"].append("b")
    assert item["list"]["L"][0] == {"N": "1"}
    assert item["set"] == {"SS": ["a"]}


def test_what_is_no_json_is_copied_with_its_type() -> None:
    needless_work.apply()
    items = defaultdict(dict, {"p1": {"StarWar": {"id": {"S": "p1"}}}})
    copied = dynamodb.copy.deepcopy({"items": items})
    copied["items"]["p2"]["StarWar"] = {}
    assert list(items) == ["p1"]


def test_numbers_are_what_they_were() -> None:
    texts = ["1", "1.0", "-0", "1E3", "1e-131", "9" * 39, " 1", "1_0", "", "x", None, 5, ["1"]]
    before = list(map(dynamodb._ddb_canonicalize_number, texts))
    needless_work.apply()
    for _ in range(2):
        assert list(map(dynamodb._ddb_canonicalize_number, texts)) == before
