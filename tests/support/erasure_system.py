"""A stack in memory from which a participant is erased: tables, ConsumerLambda, backup bucket and dead-letter queue.

A change of the main table is on the boards and in the backup at once, unless the pipeline is held.
"""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from scorecast.changes.claim_store import ClaimStore
from scorecast.leaderboard.policy import BoardPolicy
from scorecast.ops.dead_letters.queue import LetterQueue
from scorecast.ops.erasure.bucket import BackupBucket, CountedS3
from scorecast.ops.erasure.erasure import Erasure, Holdings
from scorecast.ops.erasure.letters import ParticipantLetters
from scorecast.ops.erasure.objects import BackupObjects
from scorecast.ops.erasure.participant import Participant
from scorecast.ops.erasure.tables import ParticipantEntries, participant_items_of
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames
from tests.support.consumer_system import event
from tests.support.expressions import filtered, key_filter, meets
from tests.support.fakes import client_error, item
from tests.support.mapping_fakes import FakeMapping
from tests.support.ops_fakes import OUTPUTS, FakeClock, FakeRules, fake_target
from tests.support.recovery_fakes import CONSUMER_QUEUE, DEAD_LETTERS, FakeQueue
from tests.support.standings_fakes import Inline, System

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# Before every change of the fakes.
CLOSED = BoardPolicy(closes_at="2020-01-01T00:00:00Z")


@dataclass(frozen=True)
class Stored:
    """A version of an object; None for a body is a delete marker."""

    id: str
    body: bytes | None
    written_at: datetime
    metadata: dict[str, Any]

    @property
    def etag(self) -> str:
        return f'"{hash(self.body)}"'


@dataclass
class FakeVersions:
    """A bucket that keeps versions, unless `is_versioned` is False; a page of a list has two.

    `before_put` is called with the key of each object that is written.
    """

    objects: dict[str, list[Stored]] = field(default_factory=dict)
    is_versioned: bool = True
    archived: set[str] = field(default_factory=set)
    before_put: Callable[[str], None] = lambda _: None
    now: datetime = NOW
    _ids: Any = field(default_factory=lambda: count(1))

    def put(self, key: str, body: bytes | None, **metadata: Any) -> str:
        name = f"v{next(self._ids)}" if self.is_versioned else "null"
        older = [one for one in self.objects.get(key, []) if one.id != name]
        self.objects[key] = [Stored(name, body, self.now, metadata), *older]
        return name

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfMatch: str = "", **kept: Any) -> dict[str, Any]:
        self.before_put(Key)
        current = self.objects.get(Key, [Stored("", None, NOW, {})])[0]
        if IfMatch and IfMatch != current.etag:
            raise client_error("PreconditionFailed", 412)
        name = self.put(Key, Body, **kept)
        return {"VersionId": name} if self.is_versioned else {}

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:
        found = [one for one in self.objects.get(Key, []) if VersionId in ("", one.id)]
        if not found or found[0].body is None:
            raise client_error("NoSuchKey", 404)
        if Key in self.archived:
            raise client_error("InvalidObjectState", 403)
        return {"Body": io.BytesIO(found[0].body), "ETag": found[0].etag, **found[0].metadata}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:
        kept = [one for one in self.objects.get(Key, []) if one.id != VersionId]
        self.objects[Key] = kept
        if not kept:
            del self.objects[Key]
        return {}

    def list_object_versions(self, *, Bucket: str, Prefix: str, **markers: str) -> dict[str, Any]:
        rows = [(key, at, one) for key in sorted(self.objects) for at, one in enumerate(self.objects[key])]
        rows = [row for row in rows if row[0].startswith(Prefix)]
        if version := markers.get("VersionIdMarker"):
            start = next(at for at, row in enumerate(rows) if (row[0], row[2].id) == (markers["KeyMarker"], version))
            rows = rows[start + 1 :]
        elif after := markers.get("KeyMarker"):
            rows = [row for row in rows if row[0] > after]
        page = rows[:2]
        answer: dict[str, Any] = {"Versions": [_listed(*row) for row in page if row[2].body is not None]}
        if len(rows) > 2:
            answer |= {"IsTruncated": True, "NextKeyMarker": page[-1][0], "NextVersionIdMarker": page[-1][2].id}
        return answer

    def list_objects_v2(self, *, Bucket: str, Prefix: str, Delimiter: str) -> dict[str, Any]:
        current = {key: versions[0] for key, versions in self.objects.items() if key.startswith(Prefix)}
        rows = [{"Key": key, "LastModified": one.written_at} for key, one in current.items() if one.body is not None]
        return {"Contents": rows}

    def bodies(self) -> list[bytes]:
        """The bodies of all versions of all objects."""
        return [one.body for versions in self.objects.values() for one in versions if one.body is not None]

    def current(self) -> dict[str, bytes]:
        """The body of each object."""
        return {key: one[0].body for key, one in self.objects.items() if one[0].body is not None}


def _listed(key: str, at: int, one: Stored) -> dict[str, Any]:
    return {"Key": key, "VersionId": one.id, "IsLatest": at == 0, "LastModified": one.written_at}


@dataclass
class Tables:
    """DynamoDB's client: the main table, with any keys, and the leaderboard's tables."""

    system: "ErasureSystem"
    keys: tuple[str, ...] = ("id", "metadata")
    key_type: str = "S"

    def __getattr__(self, operation: str) -> Any:
        return getattr(self.system.consumers.table, operation)

    def describe_table(self, *, TableName: str) -> dict[str, Any]:
        types = [{"AttributeName": key, "AttributeType": self.key_type} for key in self.keys]
        return {"Table": {"KeySchema": [{"AttributeName": key} for key in self.keys], "AttributeDefinitions": types}}

    def query(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        if TableName != "main":
            return self.system.consumers.table.query(TableName=TableName, **request)
        return {"Items": list(filter(key_filter(request), self.system.main))}

    def scan(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        used = request["FilterExpression"].split()
        names = {name: one for name, one in request["ExpressionAttributeNames"].items() if name in used}
        return {"Items": filtered(self.system.main, request | {"ExpressionAttributeNames": names})}

    def delete_item(self, *, TableName: str, Key: dict[str, Any], **condition: Any) -> dict[str, Any]:
        found = [one for one in self.system.main if all(one[name] == value for name, value in Key.items())]
        if not meets(found[0] if found else None, condition):
            raise client_error("ConditionalCheckFailedException")
        self.system.main.remove(found[0])
        self.system.change(None, found[0])
        return {}


@dataclass
class ErasureSystem:
    """`is_held` keeps further changes from the boards and the backup."""

    main: list[dict[str, Any]] = field(default_factory=list)
    consumers: System = field(default_factory=System)
    bucket: FakeVersions = field(default_factory=FakeVersions)
    queue: FakeQueue = field(default_factory=FakeQueue)
    rules: FakeRules = field(default_factory=FakeRules)
    mapping: FakeMapping = field(default_factory=FakeMapping)
    is_held: bool = False
    sequence: int = 0
    clock: FakeClock = field(default_factory=FakeClock)

    def put(self, participant: str, board: str = "StarWar", score: str | None = "60", **more: Any) -> None:
        """Write an item of the main table."""
        new = item(participant, board, score) | more
        old = next((one for one in self.main if (one["id"], one["metadata"]) == (new["id"], new["metadata"])), None)
        self.main = [*(one for one in self.main if one is not old), new]
        self.change(new, old)

    def change(self, new: dict[str, Any] | None, old: dict[str, Any] | None) -> None:
        """Pass a change of the main table on."""
        self.sequence += 1
        if self.is_held:
            return
        passed = event(new, old, self.sequence)
        self.consumers.process(passed)
        self.keep(passed)

    def keep(self, *events: str, key: str = "") -> str:
        """Write an object of the backup; return its key."""
        self.bucket.now += timedelta(seconds=1)
        key = key or f"changes/{self.bucket.now:%Y/%m/%d/%H}/{self.bucket.now:%M-%S}.json.gz"
        self.bucket.put(key, gzip.compress("".join(f"{one}\n" for one in events).encode()), ContentType="text/plain")
        return key

    def erasure(self, participant: str, tables: Any = None, s3: Any = None, sqs: Any = None) -> Erasure:
        """Make the erasure of a participant."""
        stack = self.stack(tables)
        items = participant_items_of(stack)
        who = Participant(items.canonical(participant), "id")
        counted = CountedS3(s3 or self.bucket)
        return Erasure(
            who,
            items,
            ParticipantEntries(stack.client("dynamodb"), "leaderboard", "boards"),
            ParticipantLetters(ClaimStore(lambda: counted), who),
            lambda: LetterQueue(sqs or self.queue, DEAD_LETTERS, AttributeNames()),
            BackupObjects(BackupBucket(counted, "backup"), Inline()),
            since=None,
            timeout_s=10,
            clock=Clock(self.clock.now, self.clock.sleep),
            utc_now=lambda: self.bucket.now,
        )

    def stack(self, tables: Any = None) -> Stack:
        """The stack, with the clients of its tables."""
        outputs = OUTPUTS | {
            "FanoutDlqUrl": DEAD_LETTERS,
            "ConsumerQueueUrl": CONSUMER_QUEUE,
            "ConsumerLambdaName": "consumer",
        }
        clients: dict[str, Any] = {
            "dynamodb": tables or Tables(self),
            "sqs": self.queue,
            "s3": self.bucket,
            "events": self.rules,
        }
        return Stack(fake_target(None, lambda_=self.mapping, sns=None, **clients), "fanout", outputs)

    def forget(self, participant: str) -> Holdings:
        """Find a participant and erase what was found."""
        erasure = self.erasure(participant)
        found = erasure.find()
        erasure.erase(found)
        return found

    def holds(self, participant: str) -> bool:
        """Whether anything is found of a participant."""
        return not self.erasure(participant).find().is_nothing


def lines_of(body: bytes) -> list[str]:
    """The lines of an object of the backup."""
    return gzip.decompress(body).decode().splitlines()


def others(lines: list[str], participant: str) -> list[str]:
    """The lines that are not about a participant."""
    return [line for line in lines if json.loads(line)["detail"]["keys"]["id"] != participant]


def batch_of(*records: Any, as_text: bool = True) -> bytes:
    """An object that Lambda puts into the bucket for a batch that the stream's trigger gave up."""
    payload = {"Records": list(records)}
    return json.dumps({"version": "1.0", "payload": json.dumps(payload) if as_text else payload}).encode()
