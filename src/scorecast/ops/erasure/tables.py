"""Tables: a participant's items in the main table, entries on boards, and places in the snapshots of boards' tops.

Entries are removed by the writer that ConsumerLambda uses, so the counting index stays correct. That writer does not
check whether a board is open, so it also removes entries of boards that have closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from scorecast.changes.change import Change, Position, iso_now
from scorecast.changes.values import Image
from scorecast.errors import CannotApply, UserError
from scorecast.leaderboard.board_list import BOARDS
from scorecast.leaderboard.item import Key, StoredEntry, participant_query, read_item
from scorecast.leaderboard.policy import POLICIES
from scorecast.ops.boards.policies import Policies
from scorecast.ops.stack.aws_errors import aws_code_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Stack
from scorecast.ops.stack.typed_json import in_json
from scorecast.runtime.batches import cut_batches
from scorecast.runtime.pages import read_all
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.announce.snapshots import ConcurrentSave, SnapshotTable
from scorecast.standings.entry import Entry, entries_of
from scorecast.standings.score_history import read_version
from scorecast.standings.store import Leaderboard

PAGE_BOARDS = 100
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ParticipantItems:
    """The items of the main table whose id attribute is the participant's id.

    If that attribute is the table's partition key, the items are queried; otherwise the whole table is scanned.
    """

    dynamodb: Any
    table: str
    names: AttributeNames
    keys: tuple[str, ...]
    id_type: str
    """The type of the partition key; empty if the id is not the partition key."""

    @property
    def is_scanned(self) -> bool:
        """Whether finding them reads the whole table."""
        return not self.id_type

    def canonical(self, participant: str) -> str:
        """Return the id as boards show it, with one spelling for a number. Refuses text if the key is a number."""
        if self.id_type != "N":
            return participant
        try:
            return format(Decimal(participant).normalize(), "f")
        except DecimalException:
            raise UserError(
                f"The key {self.names.id} of the table {self.table} is a number, not {participant!r}.", ExitCode.USAGE
            ) from None

    def find(self, participant: str) -> list[Image]:
        """Return the items' keys and the attributes that make entries, with consistent reads."""
        wanted = dict.fromkeys([*self.keys, self.names.id, self.names.metadata, self.names.board, self.names.score])
        names = {f"#a{at}": name for at, name in enumerate(wanted)}
        request: dict[str, Any] = {
            "TableName": self.table,
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names | {"#id": self.names.id},
        }
        if self.id_type:
            values = {":id": {self.id_type: participant}}
            request |= {"KeyConditionExpression": "#id = :id", "ExpressionAttributeValues": values}
            return list(read_all(self.dynamodb.query, request))
        values = {":id": {"S": participant}} | ({":n": {"N": participant}} if _is_number(participant) else {})
        condition = " OR ".join(f"#id = {name}" for name in values)
        request |= {"FilterExpression": condition, "ExpressionAttributeValues": values}
        return list(read_all(self.dynamodb.scan, request))

    def delete(self, item: Image) -> bool:
        """Delete an item, unless it is already gone or another participant's; return whether it was deleted."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=self.key_of(item),
                ConditionExpression="#id = :id",
                ExpressionAttributeNames={"#id": self.names.id},
                ExpressionAttributeValues={":id": item[self.names.id]},
            )
        except ClientError as error:
            if aws_code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def key_of(self, item: Image) -> Image:
        """Return the key of an item."""
        return {name: item[name] for name in self.keys}

    def entries_of(self, items: Iterable[Image]) -> set[Key]:
        """Return the keys of the entries that these items make."""
        return {entry.key for item in items for entry in self._entries_of(item)}

    def _entries_of(self, item: Image) -> list[Entry]:
        change = Change("", "", "READ", keys={}, new=in_json(item), old=None, sequence="", at="")
        try:
            return entries_of(change, self.names)
        except CannotApply:
            return []


def participant_items_of(stack: Stack) -> ParticipantItems:
    """Return the items of a stack's main table, which may have any keys."""
    dynamodb, table = stack.client("dynamodb"), stack.output("MainTableName")
    description = dynamodb.describe_table(TableName=table)["Table"]
    types = {given["AttributeName"]: given["AttributeType"] for given in description["AttributeDefinitions"]}
    keys = tuple(key["AttributeName"] for key in description["KeySchema"])
    id_type = types[keys[0]] if keys[0] == stack.attributes.id else ""
    return ParticipantItems(dynamodb, table, stack.attributes, keys, id_type)


@dataclass(frozen=True, slots=True)
class ParticipantEntries:
    """A participant's entries and tombstones on all boards, and their places in the snapshots."""

    dynamodb: Any
    table: str
    board_table: str
    now: Callable[[], str] = iso_now

    def find(self, participant: str) -> list[StoredEntry]:
        """Return all entries and tombstones, with consistent reads."""
        request = participant_query(self.table, participant) | {"ConsistentRead": True}
        return [read_item(item) for item in read_all(self.dynamodb.query, request)]

    def remove(self, entries: Sequence[StoredEntry], newest: Position | None) -> None:
        """Replace entries by tombstones that are newer than the entries and the participant's `newest` known change."""
        policies = {entry.board: self.policies.of(entry.board) for entry in entries}
        tombstones = [self._tombstone(entry, newest) for entry in entries]
        results = Leaderboard(self.dynamodb, self.table, self.board_table).write(tombstones, policies)
        if failed := [result for result in results.values() if result.failed]:
            raise UserError(f"{len(failed)} entries could not be removed ({failed[0].error_code}): run it again.")

    def snapshots_with(self, participant: str) -> list[str]:
        """Return the boards whose snapshots name the participant; reads the snapshots of all boards."""
        found: list[str] = []
        own = (entry.board for entry in self.find(participant))
        # A derived board is not in the list of all boards, but it has a policy.
        listed = chain(self.policies.listed(BOARDS), self.policies.listed(POLICIES), own)
        for boards in cut_batches(dict.fromkeys(listed), PAGE_BOARDS):
            read = self._snapshots.read(boards)
            found += [board for board in boards if participant in read[board].ids]
        return found

    def leave_snapshot(self, board: str, participant: str) -> None:
        """Remove the participant from a board's snapshot, even if ConsumerLambda saves it meanwhile."""
        for _ in range(ATTEMPTS):
            before = self._snapshots.read([board])[board]
            if participant not in before.ids:
                return
            try:
                after = before.without(participant, time.time_ns() // 1_000_000)
                self._snapshots.save(before, after, self.policies.of(board).expires_at)
            except ConcurrentSave:
                continue
            return
        raise UserError("The snapshot of a board is saved again and again: run it again when fewer scores change.")

    @property
    def policies(self) -> Policies:
        """What boards declare."""
        return Policies(self.dynamodb, self.board_table)

    @property
    def _snapshots(self) -> SnapshotTable:
        return SnapshotTable(self.dynamodb, self.board_table)

    def _tombstone(self, entry: StoredEntry, newest: Position | None) -> Entry:
        """Make the tombstone of an entry; like a READ, it carries the newest known position and the current time."""
        known = [(entry.stream, entry.sequence)] + ([newest] if newest else [])
        known += [read_version(entry.named)[:2]] if entry.named else []
        stream, sequence = max(known)
        return Entry(entry.id, entry.board, sequence, self.now(), stream=stream)


def has_data(entry: StoredEntry) -> bool:
    """Whether an entry holds more than a tombstone: without a score it may still have a name that arrived first."""
    return entry.score is not None or entry.name is not None or bool(entry.named or entry.attributes)


def participant_entries_of(stack: Stack) -> ParticipantEntries:
    """Return the entries of a stack's participants."""
    outputs = (stack.output("LeaderboardTableName"), stack.output("BoardTableName"))
    return ParticipantEntries(stack.client("dynamodb"), *outputs)


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except DecimalException:
        return False
