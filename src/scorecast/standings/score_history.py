"""Score history: what an entry stores on boards that keep the best or first score or the gain, or order ties. Pure.

A history begins with the change that made the entry and ends with the change that removed it. Changes may arrive in any
order, so an entry stores more than the score that counts: when its history began, and the scores that will count if a
later change turns out to have begun it (docs/adr/0018-best-and-first-scores.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from scorecast.changes.change import pad_sequence
from scorecast.leaderboard.columns import Values, rank_prefix
from scorecast.leaderboard.order_key import difference, tag_of
from scorecast.leaderboard.policy import BoardPolicy, Keep
from scorecast.standings.entry import Entry, Version, with_stream

# An entry with this many versions stays below 1 KB, above which DynamoDB charges a second write unit, unless its id,
# board and name take up about 340 bytes. The number also bounds how late the end of a history may arrive:
# docs/boards.md.
KEPT_VERSIONS = 8
# A sequence and a time older than any change's, for a name that arrives before its entry.
_FIRST = (pad_sequence("0"), "1970-01-01T00:00:00.000Z")


@dataclass(frozen=True, slots=True, order=True)
class ScoreVersion:
    """A score that a participant had, with its columns, and the version of the change that set them.

    Where gains count, `before` is the score before a change that altered the score; empty for any other write.
    """

    version: Version
    score: str
    columns: Values = ()
    before: str = ""

    def rank_prefix(self, policy: BoardPolicy) -> str:
        """Return a text that is smaller for a better score, and equal for one that shares its rank."""
        return rank_prefix(Decimal(self.score), self.columns, policy)


@dataclass(frozen=True, slots=True)
class ScoreHistory:
    """`since` is the newest known beginning or end; `versions` are in order, and empty if the entry was removed."""

    since: Version | None = None
    versions: tuple[ScoreVersion, ...] = ()

    def shown(self, policy: BoardPolicy) -> tuple[str | None, Values]:
        """Return the first version's score and columns, or the gain and the newest version's columns."""
        if not self.versions:
            return None, ()
        if policy.keep != Keep.GAIN:
            return self.versions[0].score, self.versions[0].columns
        first, newest = _first_change(self.versions), self.versions[-1]
        gain = difference(Decimal(newest.score), Decimal(first.before or first.score))
        return format(gain, "f"), newest.columns

    def with_streams(self, streams: set[str]) -> ScoreHistory:
        """Return the history with a stream in each version, chosen from labels, because version 0.1 stored none."""
        since = self.since and with_stream(self.since, streams)
        versions = (replace(one, version=with_stream(one.version, streams)) for one in self.versions)
        return ScoreHistory(since, tuple(versions))

    def after(self, entry: Entry, policy: BoardPolicy) -> ScoreHistory:
        """Return the history with one more write; writes may come in any order. Takes KEPT_VERSIONS comparisons."""
        if self.since and entry.version < self.since:
            return self
        since, versions = self.since, set(self.versions)
        if entry.is_first or entry.score is None:
            since = entry.version
            versions = {one for one in versions if one.version >= since}
        # Where the latest score counts, a write that did not change the score does not tell when it was reached.
        if entry.score is not None and (entry.score_changed or policy.keep != Keep.LATEST):
            before = entry.before if policy.keep == Keep.GAIN and entry.score_changed else ""
            versions = {one for one in versions if one.version != entry.version}
            versions.add(ScoreVersion(entry.version, entry.score, entry.columns, before))
        return ScoreHistory(since, _candidates(sorted(versions), policy))


def entry_after(current: Entry | None, entries: Iterable[Entry], policy: BoardPolicy) -> Entry | None:
    """Return the entry to store at a key after some writes to it, in any order; None if the current entry stays."""
    entries = list(entries)
    current = _with_streams(current, {entry.stream for entry in entries}, policy)
    writes = [entry for entry in entries if not entry.is_name_only]
    written = _entry_written(current, writes, policy) if writes else None
    base = written or current or Entry(*entries[0].key, *_FIRST)
    made = _with_name(base, current, [entry for entry in entries if entry.is_name_only])
    return None if current and written is None and made.named == current.named else made


def _with_name(base: Entry, current: Entry | None, corrections: Iterable[Entry]) -> Entry:
    """Return the entry with the newest name and attributes: its own, earlier corrected ones, or a new correction's."""
    named = [(entry.version, entry) for entry in corrections]
    named += [(current.named, current)] if current and current.named else []
    version, one = max(named, key=lambda pair: pair[0], default=(base.version, base))
    if version <= base.version:
        return replace(base, named=None)
    return replace(base, named=version, name=one.name, attributes=one.attributes)


def _entry_written(current: Entry | None, entries: Sequence[Entry], policy: BoardPolicy) -> Entry | None:
    """The entry after some writes that set the score or remove it; None if the current entry stays."""
    newest = max([current, *entries] if current else entries, key=lambda entry: entry.version)
    if policy.keep == Keep.LATEST and not policy.orders_ties:
        return None if newest is current else newest
    history = _history_of(current, policy)
    for entry in entries:
        history = history.after(entry, policy)
    made = replace(newest, is_first=False, score_changed=False, history=_text(history, policy))
    if policy.keep != Keep.LATEST:
        score, columns = history.shown(policy)
        made = replace(made, score=score, columns=columns)
    return None if current and (made.version, made.history) == (current.version, current.history) else made


def _with_streams(entry: Entry | None, streams: set[str], policy: BoardPolicy) -> Entry | None:
    """Return the current entry with a stream in each version, because version 0.1 stored none."""
    if entry is None or entry.stream:
        return entry
    history = entry.history and _text(_history_of(entry, policy).with_streams(streams), policy)
    return replace(entry, stream=with_stream(entry.version, streams)[0], history=history)


def reached(entry: Entry, policy: BoardPolicy) -> Version:
    """Return the version of the change that set an entry's score; the entry's own if that change has not arrived."""
    versions = _history_of(entry, policy).versions
    if not versions or entry.score is None:
        return entry.version
    if policy.keep == Keep.GAIN:
        counting, shown = _last_change(versions), versions[-1].rank_prefix(policy)
    else:
        counting, shown = versions[0], rank_prefix(Decimal(entry.score), entry.columns, policy)
    return counting.version if counting.rank_prefix(policy) == shown else entry.version


def _candidates(versions: Sequence[ScoreVersion], policy: BoardPolicy) -> tuple[ScoreVersion, ...]:
    """Drop the versions that can never count; the first of the others counts now.

    Latest score: the newest version is kept. First score: the oldest, since a beginning carries a score of its own.
    Gain: the first change, the last change and the newest version, in order. Best score: versions that are
    better than all later ones, so the scores get worse; if there are too many, the best and the newest stay. Where ties
    have an order, the first version with the best score comes before them.
    """
    if policy.keep == Keep.LATEST:
        return tuple(versions[-1:])
    if policy.keep == Keep.FIRST:
        return tuple(versions[:1])
    if policy.keep == Keep.GAIN:
        kept_of_gain = {_first_change(versions), _last_change(versions), versions[-1]} if versions else ()
        return tuple(sorted(kept_of_gain))
    down: list[ScoreVersion] = []
    for one in reversed(versions):
        if not down or one.rank_prefix(policy) < down[-1].rank_prefix(policy):
            down.append(one)
    kept = tuple(reversed(down if len(down) <= KEPT_VERSIONS else [*down[: KEPT_VERSIONS - 1], down[-1]]))
    if not policy.orders_ties or not kept:
        return kept
    first = next(one for one in versions if one.rank_prefix(policy) == kept[0].rank_prefix(policy))
    return kept if first == kept[0] else (first, *kept)


def _first_change(versions: Sequence[ScoreVersion]) -> ScoreVersion:
    """The first version that altered the score; the first of all if none did, or if the score before it is unknown."""
    return next((one for one in versions if one.before), versions[0])


def _last_change(versions: Sequence[ScoreVersion]) -> ScoreVersion:
    return next((one for one in reversed(versions) if one.before), versions[-1])


def _history_of(entry: Entry | None, policy: BoardPolicy) -> ScoreHistory:
    """The history of an entry; an entry that was written before its board had a policy knows only its own score."""
    if entry is None:
        return ScoreHistory()
    if entry.history:
        return _parsed(entry.history, policy)
    if entry.score is None:
        return ScoreHistory(since=entry.version)
    return ScoreHistory(versions=(ScoreVersion(entry.version, entry.score, entry.columns),))


def version_text(version: Version) -> str:
    """Return a version as the table stores it; `read_version` reads it."""
    stream, sequence, at = version
    return f"{stream} {sequence.lstrip('0') or '0'} {at}"


def read_version(text: str) -> Version:
    """Read a version from the table.

    >>> version_text(read_version("2026-01-01T00:00:00.000 12 2026-01-02T00:00:00Z"))
    '2026-01-01T00:00:00.000 12 2026-01-02T00:00:00Z'
    """
    stream, sequence, at = text.split(" ")
    return stream, pad_sequence(sequence), at


def _text(history: ScoreHistory, policy: BoardPolicy) -> str:
    """The history as the table stores it: JSON, without the zeros that pad a sequence.

    A stream is written only where it differs from the previous version's; a history seldom has more than one. On a
    board with columns the policy's tag comes first, because the values mean nothing to another policy. Where gains
    count, the score before a change follows its score.
    """
    before = ""
    stored: list[list[str] | None] = []
    scores = [[], *([f"{one.score} {one.before}".rstrip(), *one.columns] for one in history.versions)]
    for version, score in zip([history.since, *(one.version for one in history.versions)], scores, strict=True):
        if version is None:
            stored.append(None)
            continue
        label, sequence, at = version
        short = sequence.lstrip("0") or "0"
        stored.append([short if label == before else f"{label}/{short}", at, *score])
        before = label
    return _tag(policy) + json.dumps(stored, separators=(",", ":"))


def _tag(policy: BoardPolicy) -> str:
    return tag_of(policy.key_order) if policy.then_by else ""


def _parsed(text: str, policy: BoardPolicy) -> ScoreHistory:
    before = ""
    versions: list[Version | None] = []
    scores: list[tuple[str, Values, str]] = []
    tag, start, rest = text.partition("[")
    for one in json.loads(start + rest):
        if one is None:
            versions.append(None)
            continue
        place, at, *score = one
        label, _, sequence = place.rpartition("/")
        before = label or before
        versions.append((before, pad_sequence(sequence), at))
        if score:
            number, _, earlier = score[0].partition(" ")
            scores.append((number, tuple(score[1:]) if tag == _tag(policy) else (), earlier))
    since, *others = versions
    pairs = zip(others, scores, strict=True)
    return ScoreHistory(since, tuple(ScoreVersion(one, *score) for one, score in pairs if one))
