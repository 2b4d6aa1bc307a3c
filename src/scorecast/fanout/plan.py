"""Plan what to publish: the entries, which of them carry a claim instead of images, and their waves and calls. Pure.

A wave holds at most one change of each item, so a later change of an item is sent only after the earlier one has been
published or parked. The calls of one wave may be made at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scorecast.changes.change import Change, epoch_seconds, from_record, to_detail
from scorecast.changes.claim import Claim, claim_for, shorten
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.settings import Bus

SOURCE_LEADERBOARD = "update.aws.dynamodb"
SOURCE_OTHER = "operations.aws.dynamodb"

# PutEvents takes 10 entries a call.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
BATCH_ENTRIES = 10
# The call size that every region and every version of the quota allows.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
BATCH_BYTES = 256 * 1024
# A larger entry carries a claim. EventBridge adds fields, so an event is larger than its entry, and some targets accept
# no more than 256 KB (an SNS message, an asynchronous invocation).
# https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html
ENTRY_BYTES = BATCH_BYTES - 4 * 1024
# The bytes that EventBridge counts for an entry's Time.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/calculate-putevents-entry-size.html
_TIME_BYTES = 14

_DETAIL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_KEYS = json.JSONEncoder(sort_keys=True)


@dataclass(frozen=True, slots=True)
class Publication:
    """A change to publish: the entry for PutEvents, the entry's size, and the keys of the changed item.

    If the entry carries a claim, `document` must be stored in S3 before it is published.
    """

    change: Change
    entry: dict[str, Any]
    size_bytes: int
    item: str
    claim: Claim | None = None
    document: bytes = b""


def read_publication(record: Any, bus: Bus) -> Publication:
    """Make the bus entry of a stream record; raises CannotRead if the record is malformed."""
    return publication_of(from_record(record), bus)


def publication_of(change: Change, bus: Bus) -> Publication:
    """Make the bus entry of a change; the same change always makes the same entry."""
    touches_leaderboard = change.has(bus.attributes.score)
    entry = {
        "Source": SOURCE_LEADERBOARD if touches_leaderboard else SOURCE_OTHER,
        "DetailType": change.operation,
        "Detail": _DETAIL.encode(to_detail(change)),
        "Resources": [change.stream_arn],
        "Time": epoch_seconds(change.at),
        "EventBusName": bus.name,
    }
    whole = Publication(change, entry, size_bytes(entry), _KEYS.encode(change.keys))
    return whole if whole.size_bytes <= ENTRY_BYTES else _with_claim(whole, bus)


def _with_claim(whole: Publication, bus: Bus) -> Publication:
    """Replace the images in the entry by a claim."""
    change, document = whole.change, whole.entry["Detail"].encode()
    claim = claim_for(document, bus.bucket, f"{change.table}/{change.sequence}")
    entry = whole.entry | {"Detail": _DETAIL.encode(shorten(change, claim, bus.attributes))}
    return Publication(change, entry, size_bytes(entry), whole.item, claim, document)


def size_bytes(entry: dict[str, Any]) -> int:
    """Count an entry's bytes as EventBridge does."""
    texts = (entry["Source"], entry["DetailType"], entry["Detail"], *entry["Resources"])
    return _TIME_BYTES + sum(len(text.encode()) for text in texts)


def plan_waves(publications: Iterable[Publication]) -> list[list[Publication]]:
    """Put the n-th change of each item into the n-th wave; a wave keeps the order of the stream."""
    waves: list[list[Publication]] = []
    seen: dict[str, int] = {}
    for publication in publications:
        turn = seen.get(publication.item, 0)
        seen[publication.item] = turn + 1
        if turn == len(waves):
            waves.append([])
        waves[turn].append(publication)
    return waves


def plan_calls(wave: Sequence[Publication]) -> Iterator[list[Publication]]:
    """Cut a wave into calls of at most BATCH_ENTRIES entries and BATCH_BYTES bytes."""
    return cut_batches(wave, BATCH_ENTRIES, BATCH_BYTES, lambda publication: publication.size_bytes)
