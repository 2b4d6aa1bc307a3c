"""The policy of a queue or topic: add or remove one statement without changing the others."""

from __future__ import annotations

import json
from typing import Any

Statement = dict[str, Any]
VERSION = "2012-10-17"


def find_statement(policy: str | None, sid: str) -> Statement | None:
    """Return the statement with this id.

    >>> find_statement('{"Statement": [{"Sid": "a"}]}', "a"), find_statement(None, "a")
    ({'Sid': 'a'}, None)
    """
    return next((one for one in _statements(_read(policy)) if one.get("Sid") == sid), None)


def put_statement(policy: str | None, statement: Statement) -> str:
    """Return the policy with the statement added; it replaces one with the same id.

    >>> put_statement('{"Statement": [{"Sid": "a"}]}', {"Sid": "b"})
    '{"Statement": [{"Sid": "a"}, {"Sid": "b"}]}'
    """
    document = _read(policy) or {"Version": VERSION}
    others = [one for one in _statements(document) if one.get("Sid") != statement["Sid"]]
    return json.dumps(document | {"Statement": [*others, statement]})


def drop_statement(policy: str | None, sid: str) -> str:
    """Return the policy without the statement; empty (which means no policy) if no other statement is left.

    >>> drop_statement('{"Statement": [{"Sid": "a"}, {"Sid": "b"}]}', "a")
    '{"Statement": [{"Sid": "b"}]}'
    """
    document = _read(policy)
    others = [one for one in _statements(document) if one.get("Sid") != sid]
    return json.dumps(document | {"Statement": others}) if others else ""


def _read(policy: str | None) -> dict[str, Any]:
    document = json.loads(policy) if policy else {}
    return document if isinstance(document, dict) else {}


def _statements(document: dict[str, Any]) -> list[Statement]:
    """List the statements; a policy may have a single statement without a list."""
    statements = document.get("Statement", [])
    return [statements] if isinstance(statements, dict) else list(statements)
