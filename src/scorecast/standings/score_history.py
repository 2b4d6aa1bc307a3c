"""Lifetime: what an entry remembers on a board that keeps the best or first score, or where ties have an order. Pure.

It begins with the change that made the entry and ends with the one that removed it. Changes may come in any order, so
an entry holds more than the score that counts: since when it lives, and the scores that would count if it turned out
to have begun later (docs/adr/0018-best-and-first-scores.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from scorecast.changes.change import pad_sequence
from scorecast.leaderboard.policy import BoardPolicy, Keep, Ties
from scorecast.standings.entry import Entry, Version

# An entry with as many stays below 1 KB, where DynamoDB would charge a second write unit, unless its id, board and name
# have some 400 bytes. It is also how late the end of a lifetime may come: docs/boards.md.
STEPS = 8


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """A score that a participant had, and which change brought it."""

    version: Version
    score: str


@dataclass(frozen=True, slots=True)
class Lifetime:
    """`since` is the newest beginning or end that is known; `steps` are by version, and the first of them counts."""

    since: Version | None = None
    steps: tuple[Step, ...] = ()

    @property
    def score(self) -> str | None:
        """The score that counts; None where the entry has been removed."""
        return self.steps[0].score if self.steps else None

    def after(self, entry: Entry, policy: BoardPolicy) -> Lifetime:
        """Return what is known with one more write, whichever of them came first; takes STEPS comparisons."""
        if self.since and entry.version < self.since:
            return self
        since, steps = self.since, set(self.steps)
        if entry.starts or entry.score is None:
            since = entry.version
            steps = {step for step in steps if step.version >= since}
        # Of the latest scores only those that a change brought say since when: it may find the score there.
        if entry.score is not None and (entry.brings or policy.keep != Keep.LATEST):
            steps.add(Step(entry.version, entry.score))
        return Lifetime(since, _that_may_count(sorted(steps), policy))


def entry_after(standing: Entry | None, entries: Iterable[Entry], policy: BoardPolicy) -> Entry | None:
    """Return what is to stand at a key after some writes of it, in any order; None where it stands already."""
    entries = list(entries)
    newest = max([standing, *entries] if standing else entries, key=lambda entry: entry.version)
    if policy.keep == Keep.LATEST and policy.ties == Ties.UNORDERED:
        return None if newest is standing else newest
    lifetime = _lifetime_of(standing)
    for entry in entries:
        lifetime = lifetime.after(entry, policy)
    score = newest.score if policy.keep == Keep.LATEST else lifetime.score
    made = replace(newest, score=score, starts=False, brings=False, lifetime=_text(lifetime))
    return None if standing and (made.version, made.lifetime) == (standing.version, standing.lifetime) else made


def reached(entry: Entry) -> Version:
    """Return which change brought an entry's score; its newest, as long as the one that did has not come."""
    steps = _lifetime_of(entry).steps
    counts = steps and entry.score is not None and Decimal(steps[0].score) == Decimal(entry.score)
    return steps[0].version if counts else entry.version


def _that_may_count(steps: Sequence[Step], policy: BoardPolicy) -> tuple[Step, ...]:
    """Leave out what can never count; the first step that is left is the one that does.

    The latest score is the newest, the first that of the lifetime's beginning, which brings its own. The best is better
    than all after it: so the steps go down, and of too many the best and the newest stay. Where ties have an order, the
    first step of the same score goes before them.
    """
    if policy.keep == Keep.LATEST:
        return tuple(steps[-1:])
    if policy.keep == Keep.FIRST:
        return tuple(steps[:1])
    down: list[Step] = []
    for step in reversed(steps):
        if not down or policy.order.is_better(Decimal(step.score), Decimal(down[-1].score)):
            down.append(step)
    kept = tuple(reversed(down if len(down) <= STEPS else [*down[: STEPS - 1], down[-1]]))
    if policy.ties == Ties.UNORDERED or not kept:
        return kept
    first = next(step for step in steps if Decimal(step.score) == Decimal(kept[0].score))
    return kept if first == kept[0] else (first, *kept)


def _lifetime_of(standing: Entry | None) -> Lifetime:
    """What an entry remembers; one from before its board's policy knows of nothing but itself."""
    if standing is None:
        return Lifetime()
    if standing.lifetime:
        return _parsed(standing.lifetime)
    if standing.score is None:
        return Lifetime(since=standing.version)
    return Lifetime(steps=(Step(standing.version, standing.score),))


def _text(lifetime: Lifetime) -> str:
    """The lifetime as the table keeps it: JSON, without the zeros that pad a sequence."""
    since = _short(lifetime.since) if lifetime.since else None
    steps = [[*_short(step.version), step.score] for step in lifetime.steps]
    return json.dumps([since, *steps], separators=(",", ":"))


def _parsed(text: str) -> Lifetime:
    since, *steps = json.loads(text)
    return Lifetime(_long(*since) if since else None, tuple(Step(_long(*at), score) for *at, score in steps))


def _short(version: Version) -> list[str]:
    return [version[0].lstrip("0") or "0", version[1]]


def _long(sequence: str, at: str) -> Version:
    return pad_sequence(sequence), at
