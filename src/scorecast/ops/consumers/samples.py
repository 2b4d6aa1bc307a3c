"""Samples: events to test a pattern against, from files or from the backup of real changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorecast.errors import UserError
from scorecast.ops.recovery.backup import newest_events, read_events
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Stack

# The project's own samples, in a clone.
EVENTS_FOLDER = Path(__file__).parents[4] / "events"


@dataclass(frozen=True, slots=True)
class Sample:
    """An event of the bus, and the file or backup object that it comes from."""

    origin: str
    event: dict[str, Any]


def built_in_samples(folder: Path = EVENTS_FOLDER) -> list[Sample]:
    """Read the project's sample events: an insert, an update, a delete, a change of the lead, a closing."""
    paths = sorted(folder.glob("*Event.json"))
    if not paths:
        raise UserError(
            f"There are no sample events in {folder}: name files with --sample, or test real changes with --live.",
            ExitCode.USAGE,
        )
    return list(samples_in(paths))


def samples_in(paths: Iterable[Path]) -> Iterator[Sample]:
    """Read the events in files, which may have several each."""
    for path in paths:
        try:
            body = path.read_bytes()
        except OSError as error:
            raise UserError(f"The sample {path} cannot be read: {error.strerror}.", ExitCode.USAGE) from None
        for event in read_events(body, str(path)):
            yield Sample(path.name, event)


def live_samples(stack: Stack, count: int) -> list[Sample]:
    """Read the newest changes, as the bus delivered them to the backup."""
    bucket = stack.output("BackupBucketName")
    return [Sample("backup", event) for event in newest_events(stack.client("s3"), bucket, count)]
