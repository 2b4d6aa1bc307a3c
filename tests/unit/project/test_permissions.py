"""The table of roles and actions matches the template, and docs/security.md shows it."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.support.permissions import MAY, MAY_NOT, UNTRIED, Call
from tests.support.template import RESOURCES

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
# The role that has the managed policy tries it.
POLICY, HOLDER = "ManageConsumersPolicy", "ManageConsumersRole"


def granted() -> Iterator[tuple[str, str]]:
    """Every role and action of the template, once for each statement that grants it."""
    yield from stated("Allow")


def stated(effect: str) -> Iterator[tuple[str, str]]:
    """Every role and action of the template, once for each statement with this effect."""
    for name, resource in RESOURCES.items():
        for document in documents_of(resource):
            for statement in (one for one in document["Statement"] if one["Effect"] == effect):
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                yield from ((HOLDER if name == POLICY else name, action) for action in actions)


def documents_of(resource: dict[str, Any]) -> list[dict[str, Any]]:
    properties = resource.get("Properties", {})
    if resource["Type"] == "AWS::IAM::ManagedPolicy":
        return [properties["PolicyDocument"]]
    return [policy["PolicyDocument"] for policy in properties.get("Policies", [])]


def test_every_permission_of_the_template_is_tried() -> None:
    tried = Counter((call.role, call.action) for call in MAY)
    statements = Counter(granted())
    assert tried.keys() | UNTRIED.keys() == statements.keys()
    # If two statements grant an action on two resources, it is tried on both.
    assert {key for key, count in statements.items() if tried[key] < count} <= UNTRIED.keys()


def test_every_denial_of_the_template_is_tried() -> None:
    assert {*stated("Deny")}
    assert {*stated("Deny")} <= {(call.role, call.action) for call in MAY_NOT}


@pytest.mark.parametrize("role", sorted({role for role, _ in granted()}))
def test_every_role_is_refused_at_least_two_calls(role: str) -> None:
    assert len([call for call in MAY_NOT if call.role == role]) >= 2


def test_a_call_is_tried_once() -> None:
    keys = [(call.role, call.action, call.on) for call in [*MAY, *MAY_NOT]]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def row(role: str) -> str:
    """The row of the document's table: what a role may do, and what it is refused."""
    return f"| {role} | {_cell(MAY, role)} | {_cell(MAY_NOT, role)} |"


def _cell(calls: list[Call], role: str) -> str:
    ordered = sorted((call for call in calls if call.role == role), key=lambda call: call.on)
    return "<br>".join(
        f"{on}: {', '.join(f'`{call.action}`' for call in group)}"
        for on, group in groupby(ordered, key=lambda call: call.on)
    )


@pytest.mark.parametrize("role", sorted({role for role, _ in granted()}))
def test_the_document_shows_the_table(role: str) -> None:
    assert row(role) in DOCUMENT.read_text(encoding="utf-8").splitlines()
