"""The tables of fields in the documents, from docs/schemas: cog writes them (`make docs`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.report.results import ROOT
from bench.report.tables import markdown

FOLDER = ROOT / "docs" / "schemas"
# The keyword of a field that is not in every event: when it is.
PRESENT = "x-present"
_NAMES = {"string": "text", "integer": "number", "null": "`null`"}


def schema(name: str) -> Any:
    """Return a schema by its name, such as change-1."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def fields(name: str, definition: str | None = None) -> str:
    """The table of the fields of a schema, or of one of its definitions."""
    found = schema(name)
    return markdown(
        ["field", "type", "present", "meaning"], list(_rows(found["$defs"][definition] if definition else found))
    )


def _rows(found: Any) -> Iterator[list[str]]:
    for name, field in found["properties"].items():
        present = "always" if name in found["required"] else field[PRESENT]
        yield [f"`{name}`", _type(field), present, field["description"]]


def _type(field: Any) -> str:
    """The type as the documents say it; a field that refers to a definition is an object."""
    if "const" in field or "enum" in field:
        return "text"
    kinds = field.get("type", "object")
    if kinds == "array":
        return f"list of {_type(field['items'])}" + ("s" if "$ref" in field["items"] else "")
    return " or ".join(_NAMES.get(kind, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds))
