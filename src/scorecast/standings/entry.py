"""Entry: a participant's score on a board; decides which entries a change writes, and which is the newest. Pure.

Raises CannotApply for an item that can never be an entry: its score is not a number, or its id or board is unusable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from scorecast.changes.change import Change
from scorecast.changes.values import Image, Value
from scorecast.errors import CannotApply
from scorecast.leaderboard.batch_get import BOARD_BYTES, ID_BYTES
from scorecast.leaderboard.columns import Values, short_values, values_of
from scorecast.leaderboard.display import Attributes, attributes_of
from scorecast.leaderboard.item import cut_name
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.runtime.settings import AttributeNames

Version = tuple[str, str, str]
"""A stream's label, a sequence, and a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What to write at (id, board); without a score it is a tombstone. `version` orders the writes.

    `is_first` says that the item made no entry at this key before the change; `score_changed`, that it made none or one
    with another score. `before` is the score that the item had here: 0 if it made no entry, empty if unknown. `history`
    is the score history that the board's policy needs, as text (score_history.py). A write with `is_name_only` changes
    only the name and the `attributes` that the stack shows. `named` is the version of the change that set these, if it
    is newer than the entry's own. `columns` has the values of the board's columns (with_columns), which belong to the
    score. `hidden` is why the entry is hidden, if it is. `image` has the numbers and short texts of the item that makes
    the entry; `previous` has those of the item before the change, if known.
    """

    id: str
    board: str
    sequence: str
    at: str
    score: str | None = None
    name: str | None = None
    is_first: bool = False
    score_changed: bool = False
    before: str = ""
    history: str = ""
    stream: str = ""
    is_name_only: bool = False
    named: Version | None = None
    attributes: Attributes = ()
    columns: Values = ()
    hidden: str = ""
    image: Image | None = field(default=None, compare=False, repr=False)
    previous: Image | None = field(default=None, compare=False, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """The leaderboard table's key: id and metadata."""
        return self.id, self.board

    @property
    def version(self) -> Version:
        """The order of the writes: the label of the change's stream, its sequence, and its time.

        A table that was replaced or restored has a new stream, whose sequences begin again. The time is needed because
        a READ change carries the sequence of the item's last known change.
        """
        return self.stream, self.sequence, self.at


def entries_of(change: Change, names: AttributeNames) -> list[Entry]:
    """Return what the change writes: an entry, a tombstone for a removed entry, or both if the item changed boards.

    The list is empty if the item has no score and had none.
    """
    entry = _entry_from(change, change.new, names)
    tombstone = _tombstone_for(change, names)
    if tombstone and entry and tombstone.key == entry.key:
        tombstone = None
    if entry and change.operation != "READ":  # a READ does not know the previous state
        entry = _mark_transition(_previous_entry(change, names), entry)
    return [one for one in (tombstone, entry) if one]


def with_columns(entry: Entry, policy: BoardPolicy) -> Entry:
    """Return an entry with its board's columns; a change of a column counts as a change of the score."""
    if not policy.columns or entry.image is None or entry.score is None:
        return entry
    columns = values_of(entry.image, policy)
    is_other = entry.previous is not None and values_of(entry.previous, policy) != columns
    return replace(entry, columns=columns, score_changed=entry.score_changed or is_other)


def correction_of(entry: Entry) -> Entry:
    """Return what a change after the board's closing may still do: remove the entry, or change its name.

    A participant who enters again must have left before, so that counts as a removal too.
    """
    if entry.is_name_only:
        return entry
    bare = replace(entry, score=None, is_first=False, score_changed=False)
    if entry.score is None or entry.is_first:
        return replace(bare, name=None, attributes=())
    return replace(bare, is_name_only=True)


def newest(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Keep the newest of several writes to a key."""
    kept: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        other = kept.get(entry.key)
        if other is None or other.version < entry.version:
            kept[entry.key] = entry
    return kept


def with_stream(version: Version, streams: Iterable[str]) -> Version:
    """Return a version with its stream, which version 0.1 did not store.

    A change came from the newest stream that was created before it; `streams` are the labels to choose from. If none
    fits, the version has no stream and sorts before all versions with one.
    """
    stream, sequence, at = version
    return stream or max((label for label in streams if label <= at), default=""), sequence, at


def _entry_from(change: Change, image: Image | None, names: AttributeNames) -> Entry | None:
    """The entry that one of the change's images makes; None without a score."""
    if not image or names.score not in image:
        return None
    return Entry(
        id=_id(change.keys | image, names),
        board=_board(change.keys | image, names),
        sequence=change.sequence,
        at=change.at,
        score=_score(image[names.score], names.score),
        name=cut_name(_text(image.get(names.name))),
        stream=change.stream,
        attributes=attributes_of(image, names.shown),
        image=short_values(image),
    )


def _previous_entry(change: Change, names: AttributeNames) -> Entry | None:
    """The entry that the item made before the change; None if it could not be one."""
    try:
        return _entry_from(change, change.old, names)
    except CannotApply:
        return None


def _mark_transition(previous: Entry | None, entry: Entry) -> Entry:
    """Set `is_first`, `score_changed` and `before`."""
    if previous is None or previous.key != entry.key:
        return replace(entry, is_first=True, score_changed=True, before="0")
    score_changed = Decimal(previous.score or 0) != Decimal(entry.score or 0)
    return replace(entry, score_changed=score_changed, before=previous.score or "", previous=previous.image)


def _tombstone_for(change: Change, names: AttributeNames) -> Entry | None:
    """The tombstone of the entry that the item made before the change; None if it could not be one."""
    image = change.old
    if not image or names.score not in image:
        return None
    try:
        participant, board = _id(change.keys | image, names), _board(change.keys | image, names)
    except CannotApply:
        return None
    made = Entry(id=participant, board=board, sequence=change.sequence, at=change.at, stream=change.stream)
    return replace(made, image=short_values(image))


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
    """The text of a string or a number; None for any other type."""
    if not value:
        return None
    return value.get("S") or value.get("N")


def _shown(value: Value | None) -> str:
    """A value for an error message: its type and its first 60 characters."""
    if value is None:
        return "missing"
    [(kind, inner)] = value.items()
    text = repr(inner)
    return f"{text if len(text) <= 60 else text[:57] + '...'} (type {kind})"
