"""Backfill: publish every item of the main table to the bus as a READ change, by a parallel scan.

A checkpoint file records the position of each segment after each published page, so an interrupted run can continue.
Publishing a page twice is harmless.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

from scorecast.changes.change import Change
from scorecast.changes.claim_store import ClaimStore
from scorecast.changes.values import Image
from scorecast.errors import NotAcknowledged, UserError
from scorecast.fanout.plan import publication_of
from scorecast.fanout.publish import Publisher, countdown
from scorecast.ops.recovery.read_change import ItemReader
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.rate_limit import RateLimit
from scorecast.ops.stack.typed_json import for_sdk, in_json
from scorecast.runtime.settings import Bus

PAGE_ITEMS = 100
# A page that takes longer than this to publish counts as not published.
PUBLISH_S = 60.0

Publish = Callable[[Sequence[Change]], None]


@dataclass(slots=True)
class Checkpoint:
    """The position of each segment, in a file: a key, None at the start, or True at the end."""

    path: Path
    table: str
    segments: list[Image | bool | None]
    _lock: Lock = field(default_factory=Lock)

    def advance(self, segment: int, position: Image | bool) -> None:
        """Save the new position of a segment."""
        with self._lock:
            self.segments[segment] = position
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps({"table": self.table, "segments": self.segments}), encoding="utf-8")
            new.replace(self.path)

    def is_begun(self) -> bool:
        """Whether an earlier run has published a page."""
        return any(position is not None for position in self.segments)


def open_checkpoint(path: Path, table: str, segments: int) -> Checkpoint:
    """Read an earlier run's checkpoint, or start a new one; refuses another table's file."""
    if not path.exists():
        return Checkpoint(path, table, [None] * segments)
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        found, positions = saved["table"], list(saved["segments"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not a checkpoint: choose another file with --state.", ExitCode.USAGE) from None
    if found != table:
        raise UserError(f"{path} is of the table {found}: choose another file with --state.", ExitCode.USAGE)
    return Checkpoint(path, table, positions)


@dataclass(slots=True)
class Backfill:
    """Publishes every item; `on_published` receives the size of each page, from any thread."""

    reader: ItemReader
    publish: Publish
    checkpoint: Checkpoint
    rate_limit: RateLimit
    on_published: Callable[[int], None] = lambda _: None
    page_items: int = PAGE_ITEMS
    published: int = 0
    _stopped: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def run(self) -> bool:
        """Read and publish all segments in parallel; return False if Ctrl-C stopped the run early."""
        with ThreadPoolExecutor(len(self.checkpoint.segments)) as threads:
            runs = [threads.submit(self._run, segment) for segment in range(len(self.checkpoint.segments))]
            try:
                for run in runs:
                    run.result()
            except KeyboardInterrupt:
                self._stopped.set()
                return False
            except BaseException:
                self._stopped.set()
                raise
        self.checkpoint.path.unlink(missing_ok=True)
        return True

    def _run(self, segment: int) -> None:
        while self.checkpoint.segments[segment] is not True and not self._stopped.is_set():
            page = self._scan(segment)
            changes = self.reader.read([in_json(item) for item in page["Items"]])
            self.rate_limit.wait(len(changes))
            self.publish(changes)
            self._count(len(changes))
            self.checkpoint.advance(segment, in_json(page.get("LastEvaluatedKey")) or True)

    def _scan(self, segment: int) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TableName": self.reader.table,
            "ConsistentRead": True,
            "Limit": self.page_items,
            "Segment": segment,
            "TotalSegments": len(self.checkpoint.segments),
        }
        position = self.checkpoint.segments[segment]
        if isinstance(position, dict):
            request["ExclusiveStartKey"] = for_sdk(position)
        page: dict[str, Any] = self.reader.dynamodb.scan(**request)
        return page

    def _count(self, changes: int) -> None:
        with self._lock:
            self.published += changes
        self.on_published(changes)


@dataclass(frozen=True, slots=True)
class BusPublisher:
    """Publishes changes to the bus."""

    events: Any
    claims: ClaimStore
    executor: Executor
    bus: Bus
    max_attempts: int = 8
    countdown: Callable[[float], Callable[[], float]] = countdown

    def __call__(self, changes: Sequence[Change]) -> None:
        """Publish changes of different items; UserError if the bus does not accept one."""
        publisher = Publisher(self.events, self.claims, self.executor, self.max_attempts)
        publications = [publication_of(change, self.bus) for change in changes]
        try:
            refusals = publisher.publish(publications, self.countdown(PUBLISH_S))
        except NotAcknowledged:
            raise UserError(
                "The bus was busy for too long: run the same command again to continue, with a lower --rate."
            ) from None
        if refusals:
            first = refusals[0]
            raise UserError(
                f"The bus refused {len(refusals)} of {len(changes)} changes after {first.attempts} attempts "
                f"({first.error_code}: {first.reason}): run the same command again to continue."
            )
