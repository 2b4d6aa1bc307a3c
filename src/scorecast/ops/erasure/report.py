"""ErasureReport: what a run found and erased, what expires by itself and when, and what it cannot reach. Pure.

The report is kept as evidence, so the only data of the participant that it contains is the id: no board, score, name,
key of an item, or id of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SCHEMA = "scorecast.erasure/1"

# The stream keeps a change for a day, and a rule tries to deliver it for a day.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
UNDER_WAY = timedelta(days=2)
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html (the longest period)
TABLE_BACKUPS = timedelta(days=35)

_UNDER_WAY = "the stream of the main table and deliveries that EventBridge tries again"
_TABLE_BACKUPS = "point-in-time recovery of the tables (35 days, unless you chose fewer)"
_TOMBSTONES = "tombstones (the id and the board, without score and name), which DynamoDB deletes some days after"
_QUEUED = "messages in ConsumerLambda's queue, some of which may be about the participant (4 days)"
ELSEWHERE = (
    "copies outside this stack: on-demand backups and exports of the tables, copies of the bucket, archives of the bus",
    "programs that called the API or read the page",
)


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """One run. `erased` is None for a dry run; `unfinished` has sentences about what has to be done by hand.

    `rules` are the rules of the bus that are not the stack's own; `tombstones_until` is when the last tombstone
    expires.
    """

    id: str
    stack: str
    started_at: datetime
    finished_at: datetime
    since: datetime | None
    found: Mapping[str, int]
    erased: Mapping[str, int] | None
    unfinished: tuple[str, ...]
    tombstones: int
    tombstones_until: datetime | None
    queued: int
    rules: tuple[str, ...]
    requests: Mapping[str, int]
    dollars: float

    @property
    def is_complete(self) -> bool:
        """Whether only what expires by itself is left."""
        return not self.unfinished and (self.erased is not None or not any(self.found.values()))

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "schema": SCHEMA,
            "id": self.id,
            "stack": self.stack,
            "dryRun": self.erased is None,
            "startedAt": _text(self.started_at),
            "finishedAt": _text(self.finished_at),
            "since": self.since and _text(self.since),
            "found": dict(self.found),
            "erased": None if self.erased is None else dict(self.erased),
            "complete": self.is_complete,
            "unfinished": list(self.unfinished),
            "expires": self.expires(),
            "notReached": self.not_reached(),
            "requests": dict(self.requests) | {"dollars": round(self.dollars, 6)},
        }

    def expires(self) -> list[dict[str, Any]]:
        """What expires by itself, and when at the latest; the times count from now if this run erased something."""
        gone = [{"what": _TOMBSTONES, "count": self.tombstones, "until": _text(self.tombstones_until)}]
        rows: list[dict[str, Any]] = gone if self.tombstones_until else []
        if self.queued:
            rows.append({"what": _QUEUED, "count": self.queued, "until": _text(self.finished_at + timedelta(days=4))})
        if self.erased and any(self.erased.values()):
            rows.append({"what": _UNDER_WAY, "until": _text(self.finished_at + UNDER_WAY)})
            rows.append({"what": _TABLE_BACKUPS, "until": _text(self.finished_at + TABLE_BACKUPS)})
        return rows

    def not_reached(self) -> list[str]:
        """Where data of the participant may be that this command cannot see."""
        return [*(f"what the rule {rule} delivered" for rule in self.rules), *ELSEWHERE]


def _text(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else ""
