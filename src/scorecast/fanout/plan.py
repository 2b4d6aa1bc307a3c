"""Which entries go to the bus together, and in which order. Pure.

A wave holds at most one change of each item, so that a later change of an item is never sent before an earlier one is
settled; the batches of one wave may be sent at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scorecast.change import Change, epoch_seconds, from_record, to_detail

SOURCE_LEADERBOARD = "update.aws.dynamodb"
SOURCE_OTHER = "operations.aws.dynamodb"

# PutEvents takes 10 entries a call.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
BATCH_ENTRIES = 10
# The size that every region and every version of the quota takes for a whole call; a larger entry travels alone.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
BATCH_BYTES = 256 * 1024
# What an entry's Time counts for.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html
_TIME_BYTES = 14

_DETAIL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KEYS = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True, slots=True)
class Publication:
    """A change on its way: the entry for PutEvents, its size, and which item it is about."""

    change: Change
    entry: dict[str, Any]
    size_bytes: int
    item: str


def read_publication(record: Any, bus_name: str, score_attribute: str) -> Publication:
    """Make the bus entry of a stream record; raises CannotRead where it is none."""
    return publication_of(from_record(record), bus_name, score_attribute)


def publication_of(change: Change, bus_name: str, score_attribute: str) -> Publication:
    """Make the bus entry of a change; the same change always makes the same entry."""
    touches_leaderboard = change.has(score_attribute)
    entry = {
        "Source": SOURCE_LEADERBOARD if touches_leaderboard else SOURCE_OTHER,
        "DetailType": change.operation,
        "Detail": _DETAIL.encode(to_detail(change)),
        "Resources": [change.stream_arn],
        "Time": epoch_seconds(change.at),
        "EventBusName": bus_name,
    }
    return Publication(change, entry, size_bytes(entry), _KEYS.encode(change.keys))


def size_bytes(entry: dict[str, Any]) -> int:
    """Count an entry's bytes as EventBridge does."""
    texts = (entry["Source"], entry["DetailType"], entry["Detail"], *entry["Resources"])
    return _TIME_BYTES + sum(len(text.encode()) for text in texts)


def plan_waves(publications: Iterable[Publication]) -> list[list[Publication]]:
    """Put the n-th change of each item into the n-th wave, in the order of the stream."""
    waves: list[list[Publication]] = []
    seen: dict[str, int] = {}
    for publication in publications:
        turn = seen.get(publication.item, 0)
        seen[publication.item] = turn + 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(publication)
    return waves


def cut_batches(wave: Sequence[Publication]) -> Iterator[list[Publication]]:
    """Cut a wave into calls of at most BATCH_ENTRIES entries and BATCH_BYTES bytes; a larger entry stands alone."""
    batch: list[Publication] = []
    batch_bytes = 0
    for publication in wave:
        if batch and (len(batch) == BATCH_ENTRIES or batch_bytes + publication.size_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(publication)
        batch_bytes += publication.size_bytes
    if batch:
        yield batch
