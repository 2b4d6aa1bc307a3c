"""Events against docs/schemas, more strictly than a consumer may be: no object has a field that its schema lacks."""

import json
from functools import cache
from typing import Any

import jsonschema_rs

from bench.report.schema_tables import schema


def _kinds(definition: Any) -> list[str]:
    """The detail-types of a definition in event.json."""
    kind = definition["properties"]["detail-type"]
    return [kind["const"]] if "const" in kind else list(kind["enum"])


# The definition in event.json for each detail-type.
_DEFINITION = {kind: name for name, found in schema("event")["$defs"].items() for kind in _kinds(found)}


def check_event(event: dict[str, Any]) -> None:
    """Assert that an event, as the bus delivers it, follows its schema."""
    errors = list(_validator(_DEFINITION[event["detail-type"]]).iter_errors(event))
    assert not errors, [f"{list(error.instance_path)}: {error.message}" for error in errors]


def check_entry(entry: dict[str, Any]) -> None:
    """Assert that the bus makes an event that follows its schema of an entry for PutEvents."""
    envelope = {"version": "0", "id": "1", "account": "123456789012", "region": "us-east-1", "time": ""}
    envelope |= {"source": entry["Source"], "detail-type": entry["DetailType"]}
    check_event(envelope | {"resources": entry.get("Resources", []), "detail": json.loads(entry["Detail"])})


@cache
def _validator(definition: str) -> Any:
    strict = _closed(schema("event"))
    return jsonschema_rs.Draft202012Validator(
        {"$id": "one.json", "$ref": f"event.json#/$defs/{definition}"},
        retriever=lambda uri: strict if uri.endswith("/event.json") else _closed(schema(_name(uri))),
    )


def _name(uri: str) -> str:
    return uri.rpartition("/")[2].removesuffix(".json")


def _closed(found: Any) -> Any:
    """The schema with every object closed whose fields it lists."""
    if isinstance(found, list):
        return [_closed(one) for one in found]
    if not isinstance(found, dict):
        return found
    closed = {name: _closed(value) for name, value in found.items()}
    return closed | ({"additionalProperties": False} if isinstance(found.get("properties"), dict) else {})
