"""The item of the leaderboard table: the one module that spells its attributes. Pure.

The key is `id` and `metadata` (the board). An entry also has the keys of the index by score, and those of the index for
ties if its board orders ties. A tombstone has neither, so it is in no index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scorecast.leaderboard.display import Attributes, display_value, read_display
from scorecast.leaderboard.expiry import EXPIRES_AT, expiry
from scorecast.leaderboard.order_key import follows, score_order

Item = dict[str, Any]
Key = tuple[str, str]
"""A participant's id and a board."""


@dataclass(frozen=True, slots=True)
class IndexKeys:
    """The keys of an index: the attribute with the board, the sort attribute, and the DynamoDB type of the latter."""

    board: str
    sort: str
    sort_type: str

    @property
    def index(self) -> str:
        """The name of the index in the template."""
        return f"{self.board}-{self.sort}"


BY_SCORE = IndexKeys("hackathonName", "projectScore", "N")
BY_TIE = IndexKeys("tieBoard", "tieOrder", "S")

# A longer name is cut, both when an entry is written and when it is read: with ids of 2,048 bytes, a page of 100
# entries must fit into an answer of 6 MB, and two tops of 50 into an item of 400 KB.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items
NAME_CHARACTERS = 128

# The name, and the attributes that the stack shows, if any.
_DISPLAY = "userName"

# The range of the counting index in which an entry is counted. No index projects it, so changing it costs one write.
RANGE = "range"

# Why an entry is hidden. The score and the place among ties are then stored under other names, so the entry is in no
# index.
HIDDEN = "hidden"
_HIDDEN_SCORE, _HIDDEN_ORDER = "hiddenScore", "hiddenOrder"

# What a scan adds to its request to skip tombstones.
ENTRIES_ONLY: Item = {"FilterExpression": "attribute_exists(projectScore)"}


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the table stores it; a tombstone has no score.

    `score` is DynamoDB's text of the number, `name` has at most NAME_CHARACTERS, `attributes` are the ones that the
    stack shows (display.py). `history` is empty unless the board's policy needs one, `named` unless the name was
    corrected after the board closed, and `tie_order` unless the board orders ties (order_key.py). `expires_at`, in
    epoch seconds, is the tombstone's or the board's expiry. `stream` is the label of the change's stream; version 0.1
    stored none. `range` is the range of the counting index in which the entry is counted. `hidden` is why the entry is
    hidden: its score is stored, but in no index, and not counted.
    """

    id: str
    board: str
    sequence: str
    at: str
    score: str | None = None
    name: str | None = None
    history: str = ""
    named: str = ""
    tie_order: str = ""
    expires_at: int | None = None
    stream: str = ""
    range: str = ""
    attributes: Attributes = ()
    hidden: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether the entry is on its board: it has a score, and nobody has hidden it."""
        return self.score is not None and not self.hidden

    def has_expired(self, now: float) -> bool:
        """Whether it counts as deleted."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def key(self) -> Key:
        """The participant and the board."""
        return self.id, self.board

    def order_key(self, *, ties: bool) -> str:
        """Return the order key of the entry: by score only, or with the order of ties."""
        return self.tie_order if ties else score_order(self.number)

    def follows(self, key_order: str) -> bool:
        """Whether the entry has a place among ties that follows this key_order."""
        return follows(self.tie_order, self.number, key_order)

    @property
    def number(self) -> Decimal:
        """The score as a number; not for a tombstone."""
        if self.score is None:
            # The message omits the key, which is data that no log may contain.
            raise ValueError("A tombstone has no score.")
        return Decimal(self.score)


def item_key(participant: str, board: str) -> Item:
    """Return the key of an item."""
    return {"id": {"S": participant}, "metadata": {"S": board}}


def participant_query(table: str, participant: str) -> Item:
    """Return the query for a participant's items on all boards, sorted by board."""
    return {
        "TableName": table,
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": participant}},
    }


def is_entry(item: Mapping[str, Any]) -> bool:
    """Whether an item is an entry, and not a tombstone or the empty answer to a read."""
    return BY_SCORE.sort in item


def read_item(item: Mapping[str, Any]) -> StoredEntry:
    """Read an item, or the part of one that an index or a projection has.

    >>> read_item({"id": {"S": "2"}, "metadata": {"S": "StarWar"}, "projectScore": {"N": "90"}}).number
    Decimal('90')
    """
    expires_at = item.get(EXPIRES_AT, {}).get("N")
    name, attributes = read_display(item.get(_DISPLAY))
    return StoredEntry(
        id=item["id"]["S"],
        board=item["metadata"]["S"],
        sequence=_text(item, "sequence"),
        at=_text(item, "at"),
        score=(item.get(BY_SCORE.sort) or item.get(_HIDDEN_SCORE) or {}).get("N"),
        name=cut_name(name),
        history=_text(item, "history"),
        named=_text(item, "named"),
        tie_order=_text(item, BY_TIE.sort) or _text(item, _HIDDEN_ORDER),
        expires_at=None if expires_at is None else int(expires_at),
        stream=_text(item, "stream"),
        range=_text(item, RANGE),
        attributes=attributes,
        hidden=_text(item, HIDDEN),
    )


def make_item(entry: StoredEntry) -> Item:
    """Make an item that `read_item` can read.

    >>> sorted(make_item(StoredEntry("2", "StarWar", "7", "2026-01-01T00:00:00Z")))
    ['at', 'id', 'metadata', 'sequence']
    """
    texts = {"sequence": entry.sequence, "at": entry.at}
    texts |= {"stream": entry.stream} if entry.stream else {}
    texts |= {"history": entry.history} if entry.history else {}
    texts |= {"named": entry.named} if entry.named else {}
    texts |= {RANGE: entry.range} if entry.range else {}
    texts |= {HIDDEN: entry.hidden} if entry.hidden else {}
    item = item_key(entry.id, entry.board) | {name: {"S": text} for name, text in texts.items()}
    if (display := display_value(entry.name, entry.attributes)) is not None:
        item[_DISPLAY] = display
    item |= expiry(entry.expires_at)
    if entry.hidden:
        order = {_HIDDEN_ORDER: {"S": entry.tie_order}} if entry.tie_order else {}
        return item | ({_HIDDEN_SCORE: {"N": entry.score}} if entry.score is not None else {}) | order
    if entry.score is not None:
        item |= {BY_SCORE.board: {"S": entry.board}, BY_SCORE.sort: {"N": entry.score}}
    if entry.tie_order:
        item |= {BY_TIE.board: {"S": entry.board}, BY_TIE.sort: {"S": entry.tie_order}}
    return item


def range_update(entry: StoredEntry, one: str, tie_order: str = "") -> Item:
    """Return the key and the expressions of an update that sets an entry's range, if its order is unchanged.

    An entry without a place among ties also gets `tie_order`, if that is not empty.
    """
    names, values = {"#range": RANGE, "#score": BY_SCORE.sort}, {":range": {"S": one}, ":score": {"N": entry.score}}
    sets, conditions = ["#range = :range"], ["#score = :score"]
    if entry.tie_order:
        names, values = names | {"#tie": BY_TIE.sort}, values | {":tie": {"S": entry.tie_order}}
        conditions.append("#tie = :tie")
    elif tie_order:
        names |= {"#tie": BY_TIE.sort, "#board": BY_TIE.board}
        values |= {":tie": {"S": tie_order}, ":board": {"S": entry.board}}
        sets += ["#tie = :tie", "#board = :board"]
        conditions.append("attribute_not_exists(#tie)")
    return {
        "Key": item_key(*entry.key),
        "UpdateExpression": f"SET {', '.join(sets)}",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def cut_name(name: str | None) -> str | None:
    """Cut a name at NAME_CHARACTERS."""
    return None if name is None else name[:NAME_CHARACTERS]


def _text(item: Mapping[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))
