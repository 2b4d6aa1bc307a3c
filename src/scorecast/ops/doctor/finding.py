"""Finding: what one check found, and how to fix it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAULT = "fault"
    HINT = "hint"
    """The system works, but its operator may want to know."""
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, as the end of a sentence, and how to fix it, as a whole sentence."""

    found: str
    remedy: str
    is_hint: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a check: its problems, or `found` if there are none."""

    found: str
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check; `seconds` is how long a step of the canary took."""

    name: str
    state: State
    found: str
    remedy: str = ""
    seconds: float | None = None


def fault(found: str, remedy: str) -> Verdict:
    """Return the verdict with one problem."""
    return Verdict("", (Problem(found, remedy),))


def hint(found: str, remedy: str) -> Verdict:
    """Return the verdict with one hint."""
    return Verdict("", (Problem(found, remedy, is_hint=True),))


def finding_of(name: str, verdict: Verdict) -> Finding:
    """Return the finding of a verdict: all its problems in one line.

    >>> finding_of("stream", Verdict("on")).state
    <State.OK: 'ok'>
    >>> finding_of("stream", fault("it is off", "Turn it on."))
    Finding(name='stream', state=<State.FAULT: 'fault'>, found='it is off', remedy='Turn it on.', seconds=None)
    """
    problems = verdict.problems
    if not problems:
        return Finding(name, State.OK, verdict.found)
    state = State.HINT if all(problem.is_hint for problem in problems) else State.FAULT
    remedies = dict.fromkeys(problem.remedy for problem in problems)
    return Finding(name, state, "; ".join(problem.found for problem in problems), " ".join(remedies))


def is_healthy(findings: Iterable[Finding]) -> bool:
    """Whether no finding is a fault."""
    return all(finding.state is not State.FAULT for finding in findings)
