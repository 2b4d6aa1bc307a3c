"""Fakes of AWS whose state a test can read, and sample items and records."""

import io
import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from scorecast.leaderboard.index.table import ROOT, IndexTable
from scorecast.leaderboard.item import BY_TIE, StoredEntry, is_entry, read_item
from scorecast.leaderboard.policy import BoardPolicy, listed_item, policy_item, policy_key, read_policy
from scorecast.runtime.numbers import is_dynamodb_number
from scorecast.runtime.settings import AttributeNames, Bus
from tests.support.expressions import filtered, key_filter, meets, plain, updated
from tests.support.index_oracle import check_index
from tests.support.schemas import check_entry

Item = dict[str, Any]
"""An item, or another JSON object of AWS: a request, an answer, an entry."""

STREAM_ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/main/stream/2026-01-01T00:00:00.000"

# The keys of the leaderboard table's index by score: the table's, and its own.
SCORE_INDEX_KEY = ("id", "metadata", "hackathonName", "projectScore")
# Those of its index for ties.
TIE_INDEX_KEY = ("id", "metadata", "tieBoard", "tieOrder")
_TIE_PROJECTED = ("userName", "projectScore")

BUS = Bus("fanoutBus", "backup", AttributeNames())


def client_error(code: str, status: int = 400) -> ClientError:
    """The error that botocore raises for an error answer."""
    response = {"Error": {"Code": code, "Message": "as told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


def item(
    participant: str = "1", board: str = "StarWar", score: str | None = "60", name: str = "userA"
) -> dict[str, Any]:
    """An item of the main table, in typed JSON."""
    image = {"id": {"S": participant}, "metadata": {"S": board}, "userName": {"S": name}}
    return image | {"hackathonName": {"S": board}} | ({} if score is None else {"projectScore": {"N": score}})


def record(
    new: dict[str, Any] | None = None, old: dict[str, Any] | None = None, sequence: int = 1, **body: Any
) -> dict[str, Any]:
    """A record of the main table's stream; the images determine the operation."""
    image = new or old or {}
    images = {name: value for name, value in (("NewImage", new), ("OldImage", old)) if value is not None}
    return {
        "eventID": f"event-{sequence}",
        "eventName": "MODIFY" if new and old else "INSERT" if new else "REMOVE",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": STREAM_ARN,
        "dynamodb": {
            "ApproximateCreationDateTime": 1586939176,
            "Keys": {name: image[name] for name in ("id", "metadata")},
            "SequenceNumber": str(sequence).zfill(21),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
        | images
        | body,
    }


def fake_countdown(seconds: float) -> Callable[[], float]:
    """A countdown in which each question takes two seconds."""
    left = count(seconds, -2)
    return lambda: next(left)


@dataclass
class FakeEvents:
    """A bus: keeps the accepted entries in order; `refuse_entry` and `refuse_call` return the error to fail with.

    Each entry must make an event that follows its schema.
    """

    refuse_entry: Callable[[dict[str, Any]], str | None] = lambda _: None
    refuse_call: Callable[[list[dict[str, Any]]], Exception | None] = lambda _: None
    taken: list[dict[str, Any]] = field(default_factory=list)
    calls: list[list[dict[str, Any]]] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.calls.append(Entries)
        if error := self.refuse_call(Entries):
            raise error
        return {"Entries": [self._take(entry) for entry in Entries]}

    def _take(self, entry: dict[str, Any]) -> dict[str, Any]:
        check_entry(entry)
        if code := self.refuse_entry(entry):
            return {"ErrorCode": code, "ErrorMessage": "as told"}
        self.taken.append(entry)
        return {"EventId": "1"}

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.taken]


@dataclass
class FakeSqs:
    """A queue: keeps the accepted bodies; `refuses` makes it fail every entry."""

    refuses: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.batch_sizes.append(len(Entries))
        if self.refuses:
            words = {"Code": "InternalError", "Message": f"as told: {Entries}"}
            return {"Failed": [{"Id": entry["Id"]} | words for entry in Entries]}
        self.messages += [json.loads(entry["MessageBody"]) for entry in Entries]
        return {"Successful": []}


@dataclass
class FakeVisibility:
    """A queue whose messages a consumer makes visible again: keeps the entries of each call.

    With the fault "refused" the call fails, with "failed" each entry of it.
    """

    fault: str = ""
    calls: list[list[dict[str, Any]]] = field(default_factory=list)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        assert QueueUrl == "consumer"
        self.calls.append(Entries)
        if self.fault == "refused":
            raise client_error("AccessDenied", 403)
        failed = [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries]
        return {"Successful": []} | ({"Failed": failed} if self.fault else {})


@dataclass
class FakeObjects:
    """A bucket: bodies by key, in the order of the writes; `refuse` returns the error for a key."""

    objects: dict[str, bytes] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    refuse: Callable[[str], ClientError | None] = lambda _: None

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        if error := self.refuse(Key):
            raise error
        self.objects[Key] = Body
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        self.read.append(Key)
        if error := self.refuse(Key):
            raise error
        if Key not in self.objects:
            raise client_error("NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[Key])}


@dataclass
class FakeDynamoDb:
    """Tables with the reads and the writes of Scorecast's own code: conditions, updates, transactions, indexes.

    `before` is called with each action of a transaction; it may return an error code for it, raise, or change `items`
    first. `indexed` are the entries that the indexes show, if they are stale. A query's answer has at most `page_size`
    items.
    """

    items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    board_items: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    transactions: list[int] = field(default_factory=list)
    before: Callable[[dict[str, Any]], str | None] = lambda _: None
    indexed: dict[tuple[str, str], dict[str, Any]] | None = None
    page_size: int = 10_000

    def put_item(self, *, TableName: str, Item: dict[str, Any], **condition: Any) -> dict[str, Any]:
        check_numbers(Item)
        if not meets(self._table(Item).get(_key_of(Item)), condition):
            raise client_error("ConditionalCheckFailedException")
        self._table(Item)[_key_of(Item)] = Item
        return {}

    def update_item(
        self, *, TableName: str, Key: dict[str, Any], ReturnValues: str = "NONE", **update: Any
    ) -> dict[str, Any]:
        check_numbers(update)
        current = self._table(Key).get(_key_of(Key))
        if not meets(current, update):
            raise client_error("ConditionalCheckFailedException")
        after = self._table(Key)[_key_of(Key)] = updated(current or Key, update)
        changed = {name: value for name, value in after.items() if (current or Key).get(name) != value}
        return {"Attributes": changed} if ReturnValues == "UPDATED_NEW" else {}

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> dict[str, Any]:
        self._table(Key).pop(_key_of(Key), None)
        return {}

    def query(self, *, TableName: str, ScanIndexForward: bool = True, **request: Any) -> dict[str, Any]:
        """The items of a table or of an index, which is called index or ties, in the order of its last key."""
        shown, keys, projected = self._shown(TableName, request.get("IndexName"))
        found = sorted(filter(key_filter(request), shown), key=_order(keys), reverse=not ScanIndexForward)
        if start := request.get("ExclusiveStartKey"):
            # A query continues after any key, whether or not an item is there.
            follows = operator.gt if ScanIndexForward else operator.lt
            found = [one for one in found if follows(_order(keys)(one), _order(keys)(start))]
        limit = min(request.get("Limit", self.page_size), self.page_size)
        page = [project(one, keys, projected) if projected else one for one in found[:limit]]
        answer: dict[str, Any] = {"Count": len(page)} | ({} if request.get("Select") == "COUNT" else {"Items": page})
        return answer | last_key(page, keys, limit if len(found) > limit else request.get("Limit"))

    def scan(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        return {"Items": filtered(self._shown(TableName, None)[0], request)}

    def get_item(self, *, TableName: str, Key: dict[str, Any]) -> dict[str, Any]:
        found = self._current(Key)
        return {"Item": dict(found)} if found else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        [(table, request)] = RequestItems.items()
        assert 1 <= len(request["Keys"]) <= 100
        keys = [_key_of(key) for key in request["Keys"]]
        assert len(set(keys)) == len(keys), "DynamoDB refuses a call that has a key twice"
        found = [self._table(key).get(_key_of(key)) for key in request["Keys"]]
        return {"Responses": {table: [dict(item) for item in found if item]}}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        assert 1 <= len(TransactItems) <= 100
        self.transactions.append(len(TransactItems))
        for action in TransactItems:
            check_numbers(action)
        codes = [self.before(action) or self._refuses(action) for action in TransactItems]
        if any(codes):
            reasons = [{"Code": code or "None"} for code in codes]
            error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]
        touched = [_target_of(action) for action in TransactItems]
        assert len(set(touched)) == len(touched), "DynamoDB refuses a transaction that has an item twice"
        for action in TransactItems:
            self._do(action)
        return {}

    def _shown(self, table: str, index: str | None) -> tuple[list[dict[str, Any]], tuple[str, ...], tuple[str, ...]]:
        """The items of a table or an index, its keys, and what the index has of an item besides these."""
        if table == "boards":
            return list(self.board_items.values()), ("collection", "name"), ()
        if index is None:
            return list(self.items.values()), ("id", "metadata"), ()
        keys, projected = (
            (TIE_INDEX_KEY, _TIE_PROJECTED) if index in ("ties", BY_TIE.index) else (SCORE_INDEX_KEY, ("userName",))
        )
        shown = self.items if self.indexed is None else self.indexed
        return [one for one in shown.values() if keys[-1] in one], keys, projected

    def _table(self, key: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
        return self.items if "id" in key else self.board_items

    def _current(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return self._table(key).get(_key_of(key))

    def _refuses(self, action: dict[str, Any]) -> str | None:
        [request] = action.values()
        return None if meets(self._current(_key_in(request)), request) else "ConditionalCheckFailed"

    def _do(self, action: dict[str, Any]) -> None:
        [(kind, request)] = action.items()
        key = _key_in(request)
        if kind == "Put":
            self._table(key)[_key_of(key)] = dict(request["Item"])
        elif kind == "Update":
            self._table(key)[_key_of(key)] = updated(self._current(key) or key, request)
        else:
            self._table(key).pop(_key_of(key), None)

    @property
    def scores(self) -> dict[tuple[str, str], str]:
        """The score of every entry."""
        return {key: value["projectScore"]["N"] for key, value in self.items.items() if "projectScore" in value}

    @property
    def shown(self) -> dict[tuple[str, str], tuple[Decimal, str]]:
        """The score and the name of every entry."""
        return {key: (one.number, str(one.name)) for key, one in self.entries.items()}

    @property
    def entries(self) -> dict[tuple[str, str], StoredEntry]:
        """Every entry, without tombstones."""
        return {key: read_item(value) for key, value in self.items.items() if is_entry(value)}

    @property
    def tie_orders(self) -> dict[tuple[str, str], str]:
        """The sort key of every entry in the index for ties."""
        tied = {key: value for key, value in self.items.items() if "tieOrder" in value}
        assert all(value["tieBoard"]["S"] == board for (_, board), value in tied.items())
        return {key: value["tieOrder"]["S"] for key, value in tied.items()}

    def declare(self, board: str, policy: BoardPolicy) -> None:
        """Declare a board's policy."""
        for one in (policy_item(board, policy), listed_item(board, policy)):
            self.put_item(TableName="boards", Item=one)

    def policy_of(self, board: str) -> BoardPolicy:
        """Return the policy that a board declares, or the default."""
        return read_policy(self.board_items.get(_key_of(policy_key(board))))

    @property
    def boards(self) -> list[str]:
        """The boards that are listed."""
        return sorted(name for collection, name in self.board_items if collection == "boards")

    def counted(self, board: str) -> int:
        """The number of entries that the index counts on a board."""
        return IndexTable(self, "boards").read(board, [ROOT], consistent=True)[ROOT].total

    def check(self) -> None:
        """Assert that the counts of every board are those of its entries, range by range."""
        for board in {board for _, board in self.items}:
            check_index(self, board)


def check_numbers(request: Any) -> None:
    """Refuse a request with a number that DynamoDB cannot hold."""
    for name, value in request.items():
        if name == "N" and isinstance(value, str) and not is_dynamodb_number(Decimal(value)):
            raise client_error("ValidationException")
        if isinstance(value, dict):
            check_numbers(value)


def project(item: dict[str, Any], key: tuple[str, ...], attributes: tuple[str, ...]) -> dict[str, Any]:
    """Return what an index has of an item: its key, and the attributes that the template names."""
    return {name: item[name] for name in (*key, *attributes) if name in item}


def _order(keys: tuple[str, ...]) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """The order of a table or an index: by its sort key, then by the table's partition key."""
    return lambda item: (plain(item[keys[-1]]), plain(item[keys[0]]))


def last_key(page: list[dict[str, Any]], key: tuple[str, ...], limit: int | None) -> dict[str, Any]:
    """Return the part of an answer that says where the next page starts: a full page has it, even if none follows."""
    return {"LastEvaluatedKey": {name: page[-1][name] for name in key}} if page and len(page) == limit else {}


def _key_in(request: dict[str, Any]) -> dict[str, Any]:
    """The key of the item that an action writes; a put has a whole item."""
    return dict(request.get("Key") or request["Item"])


def _target_of(action: dict[str, Any]) -> tuple[str, str]:
    [request] = action.values()
    return _key_of(_key_in(request))


def _key_of(item: dict[str, Any]) -> tuple[str, str]:
    names = ("id", "metadata") if "id" in item else ("collection", "name")
    return item[names[0]]["S"], item[names[1]]["S"]
