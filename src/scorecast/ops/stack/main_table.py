"""MainTable: the users' own table, as the command line writes it. Every write passes through the whole pipeline.

A write changes only the score, the name and the attributes that entries show; an item's other attributes stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import Any, Protocol

from scorecast.changes.change import Change
from scorecast.changes.values import Image, typed_value
from scorecast.errors import UserError
from scorecast.leaderboard.batch_get import BatchGetItem
from scorecast.leaderboard.display import Attributes
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.numbers import NUMBER_DIGITS, is_dynamodb_number
from scorecast.runtime.pages import read_all
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.entry import Entry, entries_of

# Raises an error if a number has more digits than DynamoDB holds.
_EXACT = Context(prec=NUMBER_DIGITS, traps=[Inexact, InvalidOperation])


class _DynamoDb(BatchGetItem, Protocol):
    def update_item(self, **request: Any) -> dict[str, Any]: ...
    def delete_item(self, **request: Any) -> dict[str, Any]: ...
    def scan(self, **request: Any) -> dict[str, Any]: ...
    def describe_table(self, **request: Any) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class MainTable:
    """The main table; `key_types` are the DynamoDB types of its keys: S for text, N for numbers."""

    dynamodb: _DynamoDb
    name: str
    attributes: AttributeNames
    key_types: dict[str, str]

    def put_score(
        self, participant: str, board: str, score: Decimal, name: str | None = None, attributes: Attributes = ()
    ) -> Image:
        """Write the score, and the name and attributes if given, at (participant, board); return the item."""
        values = self._values(score, name, attributes)
        answer = self.dynamodb.update_item(
            TableName=self.name,
            Key=self.key(participant, board),
            UpdateExpression="SET " + ", ".join(f"#a{at} = :v{at}" for at in range(len(values))),
            ExpressionAttributeNames={f"#a{at}": attribute for at, attribute in enumerate(values)},
            ExpressionAttributeValues={f":v{at}": value for at, value in enumerate(values.values())},
            ReturnValues="ALL_NEW",
        )
        image: Image = answer["Attributes"]
        return image

    def item(
        self, participant: str, board: str, score: Decimal, name: str | None = None, attributes: Attributes = ()
    ) -> Image:
        """Return the item that `put_score` makes if there is no item yet."""
        return self.key(participant, board) | self._values(score, name, attributes)

    def _values(self, score: Decimal, name: str | None, attributes: Attributes) -> Image:
        values = {one: typed_value(value, "", {}) for one, value in attributes}
        values[self.attributes.score] = {"N": format(score, "f")}
        return values if name is None else values | {self.attributes.name: {"S": name}}

    def delete(self, participant: str, board: str) -> Image | None:
        """Delete the item at (participant, board); return the item, or None if it did not exist."""
        key = self.key(participant, board)
        answer = self.dynamodb.delete_item(TableName=self.name, Key=key, ReturnValues="ALL_OLD")
        return answer.get("Attributes")

    def key(self, participant: str, board: str) -> Image:
        """Return the key of a participant's item on a board; refuses text if the table's key is a number."""
        key = {self.attributes.id: participant, self.attributes.metadata: board}
        for name, value in key.items():
            if self.key_types[name] == "N" and not is_number(value):
                raise UserError(f"The key {name} of the table {self.name} is a number, not {value!r}.", ExitCode.USAGE)
        return {name: {self.key_types[name]: value} for name, value in key.items()}

    def participant_of(self, image: Image) -> str:
        """Return the participant of an item; a number in DynamoDB's spelling, so 1.0 and 1 are one participant."""
        [(kind, text)] = image[self.attributes.id].items()
        return format(_EXACT.normalize(Decimal(text)), "f") if kind == "N" else str(text)

    def scan(self, also: Iterable[str] = ()) -> Iterator[Image]:
        """Read every item's attributes that make an entry, and those in `also`, page by page, with consistent reads."""
        names = {f"#a{at}": name for at, name in enumerate(dict.fromkeys([*self.attributes.needed, *also]))}
        request: dict[str, Any] = {
            "TableName": self.name,
            "ConsistentRead": True,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }
        return read_all(self.dynamodb.scan, request)

    def entry_of(self, image: Image) -> Entry | None:
        """Return the entry that ConsumerLambda makes of an item, or None if the item has no score.

        CannotApply, with the reason, if an item with a score makes no entry.
        """
        change = Change(id="", stream_arn="", operation="READ", keys={}, new=image, old=None, sequence="", at="")
        entries = entries_of(change, self.attributes)
        return entries[0] if entries else None


def main_table_of(stack: Stack) -> MainTable:
    """Return the main table of a stack; refuses a table with other keys than the stack was deployed with."""
    dynamodb, name = stack.client("dynamodb"), stack.output("MainTableName")
    description = dynamodb.describe_table(TableName=name)["Table"]
    types = {given["AttributeName"]: given["AttributeType"] for given in description["AttributeDefinitions"]}
    keys = [key["AttributeName"] for key in description["KeySchema"]]
    expected = [stack.attributes.id, stack.attributes.metadata]
    if keys != expected:
        raise UserError(
            f"The table {name} has the keys {', '.join(keys)}, but this command writes items by "
            f"{' and '.join(expected)}: write to it with your own program; the leaderboard follows."
        )
    return MainTable(dynamodb, name, stack.attributes, {key: types[key] for key in keys})


def read_score(text: str) -> Decimal:
    """Read a score of up to 38 digits, exactly."""
    if not is_number(text):
        raise UserError(
            f"The score {text!r} is not a number of up to 38 digits, such as 90, -3 or 12.5.", ExitCode.USAGE
        )
    return _EXACT.create_decimal(text.strip())


def is_number(text: str) -> bool:
    """Whether DynamoDB can hold the number exactly."""
    try:
        number = _EXACT.create_decimal(text.strip())
    except DecimalException:
        return False
    return is_dynamodb_number(number)
