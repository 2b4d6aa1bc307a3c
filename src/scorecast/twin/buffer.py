"""Buffer: gathers Firehose's records into objects, which timers deliver from their own threads."""

import contextvars
import gzip
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Records = list[tuple[str, bytes]]

# AWS waits for 60 s or more (BufferingHints); on a laptop the backup should appear at once.
INTERVAL_S = 1.0
SIZE_BYTES = 1024 * 1024


@dataclass(eq=False)
class Pending:
    """The records for one destination's next object."""

    stream: Json
    dest: Json
    # The account and region of the first call, because the timer's thread has none.
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    number: int = field(default_factory=itertools.count().__next__)
    records: Records = field(default_factory=list)
    size_bytes: int = 0

    def extend(self, records: Records) -> None:
        self.records.extend(records)
        self.size_bytes += sum(len(data) for _, data in records)


class Buffer:
    """Gathers each destination's records and delivers them after an interval or at a size, whichever comes first."""

    def __init__(self, deliver: Callable[[Json, Json, Records], None]) -> None:
        self._deliver = deliver
        self._lock = threading.Lock()
        self._pending: dict[str, Pending] = {}
        self._delivering: list[Pending] = []

    def add(self, stream: Json, dest: Json, records: Records) -> None:
        key = f"{stream['arn']}/{dest['id']}"
        with self._lock:
            is_first = key not in self._pending
            pending = self._pending.setdefault(key, Pending(stream, dest))
            pending.extend(records)
            is_full = pending.size_bytes >= SIZE_BYTES
        if is_first or is_full:
            timer = threading.Timer(0 if is_full else INTERVAL_S, self._flush, [key])
            timer.daemon = True
            timer.start()

    def pending(self) -> list[Pending]:
        """Return what is not delivered yet, including what is being delivered now."""
        with self._lock:
            return [*self._delivering, *self._pending.values()]

    def flush(self) -> None:
        for key in list(self._pending):
            self._flush(key)

    def _flush(self, key: str) -> None:
        with self._lock:
            pending = self._pending.pop(key, None)
            if pending:
                self._delivering.append(pending)
        if pending:
            try:
                pending.context.run(self._deliver, pending.stream, pending.dest, pending.records)
            finally:
                with self._lock:
                    self._delivering.remove(pending)


def make_body(records: Records, config: Json) -> bytes:
    """Join the records into an object's body, delimited and compressed as the destination is configured."""
    delimiter = _delimiter(config)
    body = b"".join(data + delimiter for _, data in records)
    return gzip.compress(body) if config.get("CompressionFormat") == "GZIP" else body


def _delimiter(config: Json) -> bytes:
    """Return what AppendDelimiterToRecord appends to each record; empty if it is not configured."""
    processing = config.get("ProcessingConfiguration") or {}
    for processor in processing.get("Processors", []) if processing.get("Enabled") else []:
        if processor.get("Type") == "AppendDelimiterToRecord":
            values = {p["ParameterName"]: p["ParameterValue"] for p in processor.get("Parameters", [])}
            return str(values.get("Delimiter", "\\n")).encode().decode("unicode_escape").encode()
    return b""


def is_plain(config: Json) -> bool:
    """Whether records may share an object unchanged: they are neither partitioned by content nor converted."""
    special = ("DynamicPartitioningConfiguration", "DataFormatConversionConfiguration")
    return not any((config.get(name) or {}).get("Enabled") for name in special)
