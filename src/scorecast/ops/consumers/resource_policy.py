"""The policy of a queue or topic: one statement of ours put in or taken out, all others left as they are. Pure."""

from __future__ import annotations

import json
from typing import Any

Statement = dict[str, Any]
VERSION = "2012-10-17"


def find_statement(policy: str | None, sid: str) -> Statement | None:
    """Return the statement with this id."""
    return next((one for one in _statements(_read(policy)) if one.get("Sid") == sid), None)


def put_statement(policy: str | None, statement: Statement) -> str:
    """Return the policy with the statement; it replaces one with the same id."""
    document = _read(policy) or {"Version": VERSION}
    others = [one for one in _statements(document) if one.get("Sid") != statement["Sid"]]
    return json.dumps(document | {"Statement": [*others, statement]})


def drop_statement(policy: str | None, sid: str) -> str:
    """Return the policy without the statement; empty, which stands for no policy, where no other is left."""
    document = _read(policy)
    others = [one for one in _statements(document) if one.get("Sid") != sid]
    return json.dumps(document | {"Statement": others}) if others else ""


def _read(policy: str | None) -> dict[str, Any]:
    document = json.loads(policy) if policy else {}
    return document if isinstance(document, dict) else {}


def _statements(document: dict[str, Any]) -> list[Statement]:
    """A policy with one statement may have it without a list."""
    statements = document.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)
