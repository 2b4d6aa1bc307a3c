"""Undo: if a step fails or the user presses Ctrl-C, the earlier steps are undone, last one first."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.aws_errors import explain

UndoStep = Callable[[], None]


class Undo:
    """`with Undo() as undo: create(); undo.add(delete); do_more()`"""

    def __init__(self) -> None:
        self._steps: list[UndoStep] = []

    def add(self, step: UndoStep) -> None:
        """Remember how to undo the step that was just done."""
        self._steps.append(step)

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: TracebackType | None) -> None:
        if error is None:
            return
        stayed = [problem for problem in map(_attempt, reversed(self._steps)) if problem]
        if stayed:
            reason = explain(error) if isinstance(error, (ClientError, BotoCoreError)) else error
            raise UserError(f"{reason} Some earlier steps could not be undone: {' '.join(stayed)}") from error


def _attempt(step: UndoStep) -> str | None:
    """Undo one step; return the reason if that fails."""
    try:
        step()
    except (ClientError, BotoCoreError) as error:
        return str(explain(error))
    return None
