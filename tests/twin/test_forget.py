"""A participant is erased from a deployed stack: every store, and others keep what they have."""

import gzip
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from scorecast.changes.change import from_record
from scorecast.changes.claim import claim_in
from scorecast.runtime.pages import read_all
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.erasure_system import batch_of
from tests.support.fakes import item, record
from tests.support.pipeline import Json, faults_on, put, shows, verified
from tests.support.recovery_fakes import STORED_BATCH, envelope
from tests.support.waiting import eventually

LARGE = {"essay": {"S": "x" * 300_000}}


@pytest.fixture
def who() -> str:
    """The participant to erase. Ids of others contain it, and their items have it in other attributes."""
    return f"who-{uuid.uuid4()}"


@pytest.fixture(autouse=True)
def batch(stack: Stack, who: str) -> Iterator[str]:
    """A batch that the stream's trigger gave up, with records of the participant and of another."""
    key, bucket = f"{STORED_BATCH}-{who}", stack.outputs["BackupBucketName"]
    records = [record(item(one)) for one in (who, f"{who}0")]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=batch_of(*records))
    yield key
    for version in versions(stack, key) + versions(stack, f"rewritten/{key}"):
        stack.client("s3").delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    queue = stack.client("sqs")
    queue.purge_queue(QueueUrl=stack.outputs["FanoutDlqUrl"])


def versions(stack: Stack, prefix: str) -> list[Json]:
    answer = stack.client("s3").list_object_versions(Bucket=stack.outputs["BackupBucketName"], Prefix=prefix)
    found: list[Json] = answer.get("Versions", [])
    return found


def bodies(stack: Stack, prefix: str) -> Iterator[tuple[str, str]]:
    """The key and the text of every version under a prefix."""
    s3, bucket = stack.client("s3"), stack.outputs["BackupBucketName"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Versions", []):
            body = s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            yield one["Key"], (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).decode()


def lines(stack: Stack) -> Iterator[Json]:
    for _, text in bodies(stack, "changes/"):
        yield from map(json.loads, text.splitlines())


def lines_of(stack: Stack, participant: str) -> list[Json]:
    return [one for one in lines(stack) if one["detail"]["keys"].get("id") == participant]


def of(stack: Stack, table: str, participant: str) -> list[Json]:
    """The items of a participant in a table."""
    answer = stack.client("dynamodb").query(
        TableName=stack.outputs[table],
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": {"S": participant}},
    )
    found: list[Json] = answer["Items"]
    return found


def backed_up(stack: Stack, counts: dict[str, int]) -> None:
    assert {one: len(lines_of(stack, one)) for one in counts} == counts


def park(stack: Stack, participant: str, sequence: int) -> None:
    made = from_record(record(item(participant), None, sequence))
    stack.client("sqs").send_message(QueueUrl=stack.outputs["FanoutDlqUrl"], MessageBody=envelope("fanout", made))


def letters(scorecast: Scorecast, participant: str) -> int:
    return len(scorecast.json("dlq", "show", "--id", participant, "--limit", "9")["letters"])


def all_found(scorecast: Scorecast, participant: str) -> Json:
    """What there is to erase; the snapshots are saved after the entries are shown."""
    found: Json = scorecast.json("forget", participant, "--dry-run")["found"]
    assert {kind: found[kind] for kind in ("items", "entries", "snapshots", "deadLetters")} == {
        "items": 2,
        "entries": 2,
        "snapshots": 2,
        "deadLetters": 1,
    }
    assert (found["backupLines"], found["images"], found["givenUpRecords"]) == (3, 2, 1)
    return found


def test_a_participant_is_erased_from_every_store_and_others_keep_everything(
    stack: Stack, scorecast: Scorecast, name: str, who: str, batch: str, tmp_path: Any
) -> None:
    ids = (who, f"{who}0", f"0{who}")
    for at, one in enumerate(ids):
        put(stack, item(one, name, str(10 + at)) | LARGE | {"friend": {"S": who}}, item(one, f"{name}-2", "5", who))
        park(stack, one, at)
    put(stack, item(who, name, "99") | LARGE)
    shown = [(1, who, "99"), (2, ids[2], "12"), (3, ids[1], "11")]
    eventually(lambda: shows(stack, name, shown))
    eventually(lambda: shows(stack, f"{name}-2", [(1, one, "5") for one in sorted(ids, reverse=True)]))
    eventually(lambda: backed_up(stack, {who: 3, ids[1]: 2, ids[2]: 2}))
    kept = [lines_of(stack, one) for one in ids[1:]]
    claims = {one: claim_in(lines_of(stack, one)[0]) for one in ids}
    scorecast.ok("boards", "set", f"{name}-2", "--closes-at", "2020-01-01T00:00:00Z")

    found = eventually(lambda: all_found(scorecast, who))
    report = tmp_path / "report.json"
    erased = scorecast.json("forget", who, "--yes", "--report", str(report))
    assert erased["complete"]
    assert erased["erased"] == found | {"backupLines": 5, "images": 3}

    assert of(stack, "MainTableName", who) == []
    assert [one.get("projectScore") for one in of(stack, "LeaderboardTableName", who)] == [None, None]
    shows(stack, name, [(1, ids[2], "12"), (2, ids[1], "11")])
    shows(stack, f"{name}-2", [(1, ids[1], "5"), (1, ids[2], "5")])
    asked = {"TableName": stack.outputs["BoardTableName"], "ConsistentRead": True}
    boards = list(read_all(stack.client("dynamodb").scan, asked))
    assert not [one for one in boards if json.dumps({"id": {"S": who}})[1:-1] in json.dumps(one)]
    assert [letters(scorecast, one) for one in ids] == [0, 1, 1]
    assert lines_of(stack, who) == []
    assert [lines_of(stack, one) for one in ids[1:]] == kept
    images = {key for key, _ in bodies(stack, "images/")}
    assert [claim is not None and claim.key in images for claim in claims.values()] == [False, True, True]
    assert versions(stack, batch) == []
    [(_, rest)] = bodies(stack, f"rewritten/{batch}")
    assert [one["dynamodb"]["Keys"]["id"]["S"] for one in json.loads(json.loads(rest)["payload"])["Records"]] == [
        ids[1]
    ]
    assert set(json.loads(report.read_text())["found"]) == set(found)
    assert name not in report.read_text()

    assert faults_on(name, verified(scorecast)) == []
    check_restored(stack, scorecast, who, ids[1:])
    again = scorecast.json("forget", who, "--yes")
    assert (again["found"], again["erased"], again["complete"]) == ({}, {}, True)
    assert scorecast.json("restore", "--events")["unresolved"] == 0
    eventually(lambda: backed_up(stack, dict.fromkeys(ids[1:], 4)))
    assert lines_of(stack, who) == []
    assert of(stack, "MainTableName", who) == []
    assert [one.get("projectScore") for one in of(stack, "LeaderboardTableName", who)] == [None, None]


def check_restored(stack: Stack, scorecast: Scorecast, who: str, others: tuple[str, ...]) -> None:
    """Restore the rewritten backup: everybody else's items, type for type, and nothing of the participant."""
    dynamodb, table = stack.client("dynamodb"), f"restored-{uuid.uuid4()}"
    assert scorecast.json("restore", "--table", table, "--create")["unresolved"] == 0
    restored = list(read_all(dynamodb.scan, {"TableName": table}))
    assert not [one for one in restored if one["id"]["S"] == who]
    for one in others:
        items = sorted((item for item in restored if item["id"]["S"] == one), key=lambda item: item["metadata"]["S"])
        assert items == of(stack, "MainTableName", one)
    dynamodb.delete_table(TableName=table)
