"""ImportReport: the outcome of each line of a file, and the first faults.

It accounts for every line, however a run ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scorecast.ops.files.checked_line import LineFault

# How many faults are kept; the others are only counted.
SHOWN_FAULTS = 20


@dataclass(slots=True)
class ImportReport:
    """Counts of lines. `is_checked` means that all lines were good, so that writing began."""

    lines: int = 0
    written: int = 0
    unchanged: int = 0
    refused: int = 0
    fault_count: int = 0
    faults: list[LineFault] = field(default_factory=list)
    is_checked: bool = False

    @property
    def left(self) -> int:
        """How many lines were neither written nor refused, nor found unchanged."""
        return self.lines - self.written - self.unchanged - self.refused

    def refuse(self, *faults: LineFault) -> None:
        """Count a line that has faults."""
        self.refused += 1
        self.fault_count += len(faults)
        self.faults += faults[: SHOWN_FAULTS - len(self.faults)]
