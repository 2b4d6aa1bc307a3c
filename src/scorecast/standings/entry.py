"""Entry: a participant's place on a board. Which entries a change writes, and which of several is the newest. Pure.

Refuses, with CannotApply, what can never be an entry: a score that is no number, a missing or unusable id or board.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from scorecast.changes.change import Change, Image, Value
from scorecast.errors import CannotApply
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.runtime.settings import AttributeNames

Version = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written at (id, board); without a score it is a tombstone. `version` orders the writes.

    `starts` says that no entry of the item was there before, `brings` that it had another score or none; `lifetime` is
    what the board's policy has it remember (lifetime.py), as text.
    """

    id: str
    board: str
    sequence: str
    at: str
    score: str | None = None
    name: str | None = None
    starts: bool = False
    brings: bool = False
    lifetime: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The leaderboard table's key: id and metadata."""
        return self.id, self.board

    @property
    def version(self) -> Version:
        """What orders the writes: the change's sequence; and since an item that is read anew (READ) carries the
        sequence of what stood before, the time."""
        return self.sequence, self.at


def entries_of(change: Change, names: AttributeNames) -> list[Entry]:
    """Return what the change writes: an entry, a tombstone where one stood before, both after a board was renamed.

    None for a change of an item that has no score and had none.
    """
    standing = _made(change, change.new, names)
    left = _left(change, names)
    if left and standing and left.key == standing.key:
        left = None
    if standing and change.operation != "READ":  # what was read anew does not know what was before
        standing = _after(_before(change, names), standing)
    return [entry for entry in (left, standing) if entry]


def newest(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Keep, of several writes to one key, the newest."""
    kept: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        other = kept.get(entry.key)
        if other is None or other.version < entry.version:
            kept[entry.key] = entry
    return kept


def _made(change: Change, image: Image | None, names: AttributeNames) -> Entry | None:
    """The entry that the item makes as it is in one of the change's images."""
    if not image or names.score not in image:
        return None
    return Entry(
        id=_id(change.keys | image, names),
        board=_board(change.keys | image, names),
        sequence=change.sequence,
        at=change.at,
        score=_score(image[names.score], names.score),
        name=_text(image.get(names.name)),
    )


def _before(change: Change, names: AttributeNames) -> Entry | None:
    """The entry that the item made before the change; an item that could make none made none."""
    try:
        return _made(change, change.old, names)
    except CannotApply:
        return None


def _after(before: Entry | None, standing: Entry) -> Entry:
    """Say of an entry what is new in it."""
    if before is None or before.key != standing.key:
        return replace(standing, starts=True, brings=True)
    return replace(standing, brings=Decimal(before.score or 0) != Decimal(standing.score or 0))


def _left(change: Change, names: AttributeNames) -> Entry | None:
    """The tombstone of the entry that the item made before the change; an item that could make none leaves none."""
    image = change.old
    if not image or names.score not in image:
        return None
    try:
        participant, board = _id(change.keys | image, names), _board(change.keys | image, names)
    except CannotApply:
        return None
    return Entry(id=participant, board=board, sequence=change.sequence, at=change.at)


def _id(image: Image, names: AttributeNames) -> str:
    value = image.get(names.id)
    text = _text(value)
    if not text or len(text.encode()) > ID_BYTES:
        raise CannotApply(f"The item's {names.id} is {_shown(value)}; an entry needs a text or number for it.")
    return text


def _board(image: Image, names: AttributeNames) -> str:
    attribute = names.board if names.board in image else names.metadata
    value = image.get(attribute)
    board = value.get("S") if value else None
    if not board:
        raise CannotApply(
            f"The item's {attribute} is {_shown(value)}; a board's name is a text ({names.board}, or {names.metadata})."
        )
    if len(board.encode()) > BOARD_BYTES:
        raise CannotApply(f"The board's name has {len(board.encode())} bytes; DynamoDB keys hold {BOARD_BYTES}.")
    return str(board)


def _score(value: Value, attribute: str) -> str:
    if "N" not in value:
        raise CannotApply(f"The item's {attribute} is {_shown(value)}; a score is a number (DynamoDB type N).")
    return str(value["N"])


def _text(value: Value | None) -> str | None:
    """The text of a string or a number; None for whatever else."""
    if not value:
        return None
    return value.get("S") or value.get("N")


def _shown(value: Value | None) -> str:
    """A value for an error message: its type, and as much of it as a person wants to read."""
    if value is None:
        return "missing"
    [(kind, inner)] = value.items()
    text = repr(inner)
    return f"{text if len(text) <= 60 else text[:57] + '...'} (type {kind})"
