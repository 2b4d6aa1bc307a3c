"""Converts entries between what is written and what the table stores. Pure except for the time of tombstones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scorecast.leaderboard.columns import tie_key, values_in
from scorecast.leaderboard.item import StoredEntry
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.standings.entry import Entry
from scorecast.standings.score_history import reached, read_version, version_text

# The stream keeps a change for a day, a queue keeps it for 14 days, and a redrive may follow later.
TOMBSTONE_DAYS = 30


def to_stored(entry: Entry, policy: BoardPolicy, ties: str) -> StoredEntry:
    """Return an entry as it is stored, without its range; `ties` comes from the board's index."""
    stored = StoredEntry(
        *entry.key,
        entry.sequence,
        entry.at,
        entry.score,
        entry.name,
        entry.history,
        named=version_text(entry.named) if entry.named else "",
        expires_at=policy.expires_at,
        stream=entry.stream,
        attributes=entry.attributes,
        hidden=entry.hidden,
    )
    if entry.score is None:
        if entry.hidden:
            return stored  # expires with its board, if ever, so that the participant stays hidden
        own = int((datetime.now(UTC) + timedelta(days=TOMBSTONE_DAYS)).timestamp())
        return replace(stored, expires_at=min(own, policy.expires_at or own))
    if not policy.orders_ties and not ties:
        return stored
    _, sequence, at = reached(entry, policy)
    return replace(stored, tie_order=tie_key(stored.number, entry.columns, policy, at, sequence))


def to_entry(stored: StoredEntry, policy: BoardPolicy) -> Entry:
    """Return a stored entry in the form that the writer compares with what it writes."""
    entry = Entry(*stored.key, stored.sequence, stored.at, stored.score, stored.name, history=stored.history)
    named = read_version(stored.named) if stored.named else None
    columns = values_in(stored.tie_order, policy)
    return replace(entry, stream=stored.stream, named=named, attributes=stored.attributes, columns=columns)
