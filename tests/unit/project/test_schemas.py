"""docs/schemas: samples and examples follow them, and the generated types and the AsyncAPI document are in step.

The fake bus checks every event that a test makes FanoutLambda or ConsumerLambda publish (tests/support/schemas.py).
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from bench.report import event_types
from bench.report.results import ROOT
from bench.report.schema_tables import FOLDER, schema
from scorecast.changes.change import OPERATIONS
from scorecast.changes.change import SCHEMA as CHANGE
from scorecast.fanout.plan import SOURCE_LEADERBOARD, SOURCE_OTHER
from scorecast.standings.announce.board_closed import BOARD_CLOSED
from scorecast.standings.announce.standing_event import ENTERED_TOP, LEAD_CHANGED, LEFT_TOP, SOURCE
from scorecast.standings.announce.standing_event import SCHEMA as STANDING
from tests.support.schemas import check_event

EVENTS = ROOT / "events"
SAMPLES = sorted(path.name for path in EVENTS.glob("*Event.json"))
ASYNCAPI = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
ASYNCAPIS_SCHEMA = event_types.EXAMPLE / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
DEFINITIONS = schema("event")["$defs"]


def sample(name: str) -> Any:
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_a_schema_is_json_schema_2020_12(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == path.name
    jsonschema_rs.meta.validate(found)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_follows_its_schema(name: str) -> None:
    check_event(sample(name))


def test_the_contracts_example_follows_the_schema() -> None:
    text = (ROOT / "docs" / "event-contract.md").read_text(encoding="utf-8").partition("## An example with hints")[2]
    detail = json.loads(re.search(r"^    \{\n(?: {4}.*\n)+", text, re.MULTILINE)[0])  # type: ignore[index]
    check_event(sample("updateEvent.json") | {"detail": detail})


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"rank": "1"}, "rank"), ({"more": 1}, "more"), ({"at": "yesterday"}, "at"), ({"types": {"x": {}}}, "types")],
)
def test_an_event_that_does_not_follow_its_schema_is_noticed(wrong: dict[str, Any], field: str) -> None:
    event = sample("standingEvent.json")
    with pytest.raises(AssertionError, match=field):
        check_event(event | {"detail": event["detail"] | wrong})


@pytest.mark.parametrize("name", SAMPLES)
def test_an_event_may_have_further_fields(name: str) -> None:
    event = sample(name)
    event["detail"]["more"] = event["more"] = 1
    published = jsonschema_rs.Draft202012Validator(
        schema("event"), retriever=lambda uri: schema(uri.rpartition("/")[2].removesuffix(".json"))
    )
    assert published.is_valid(event)
    assert not published.is_valid(event | {"detail": {}})


def test_the_schemas_name_what_the_code_publishes() -> None:
    of = {name: found["properties"] for name, found in DEFINITIONS.items()}
    assert of["ChangeEvent"]["detail-type"]["enum"] == list(OPERATIONS)
    assert of["ChangeEvent"]["source"]["enum"] == [SOURCE_LEADERBOARD, SOURCE_OTHER]
    assert of["TopEvent"]["detail-type"]["enum"] == [LEAD_CHANGED, ENTERED_TOP, LEFT_TOP]
    assert of["BoardClosedEvent"]["detail-type"]["const"] == BOARD_CLOSED
    assert {of[name]["source"]["const"] for name in ("TopEvent", "BoardClosedEvent")} == {SOURCE}
    assert schema("change-1")["properties"]["schema"]["const"] == CHANGE
    assert {found["properties"]["schema"]["const"] for found in details()} == {STANDING}


def details() -> list[Any]:
    return [schema("standing-1")["$defs"][name] for name in ("TopChange", "BoardClosed")]


@pytest.mark.parametrize("path", [event_types.PYTHON, event_types.TYPESCRIPT], ids=lambda path: path.name)
def test_the_types_are_what_the_schemas_make_them(path: Path) -> None:
    if reason := event_types.missing(path):
        pytest.skip(reason)
    assert path.read_text(encoding="utf-8") == event_types.text_of(path), "run `make docs`"


def test_the_asyncapi_document_is_valid() -> None:
    if not ASYNCAPIS_SCHEMA.exists():
        pytest.skip("AsyncAPI's schema is not installed: run `make typescript`, which needs npm")
    errors = jsonschema_rs.Draft7Validator(json.loads(ASYNCAPIS_SCHEMA.read_text(encoding="utf-8"))).iter_errors(
        ASYNCAPI
    )
    assert [f"{list(error.instance_path)}: {error.message[:200]}" for error in errors] == []


def test_the_asyncapi_document_refers_to_every_event_and_to_what_exists() -> None:
    referred = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(ASYNCAPI)))
    assert {ref for ref in referred if ref[0] != "#"} == {f"schemas/event.json#/$defs/{name}" for name in DEFINITIONS}
    for ref in referred:
        found = ASYNCAPI if ref[0] == "#" else schema("event")
        for part in ref.partition("#/")[2].split("/"):
            found = found[part]
