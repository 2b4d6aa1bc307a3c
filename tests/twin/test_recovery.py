"""Verify, repair, backfill and restore on the twin."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scorecast.changes.change import from_record, with_label
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.fakes import STREAM_ARN, item, record
from tests.support.pipeline import Json, backed_up, board, faults_on, put, verified
from tests.support.recovery_fakes import event
from tests.support.waiting import eventually


def shows(stack: Stack, name: str, rows: list[tuple[str, str]]) -> None:
    assert [row[1:] for row in board(stack, name) or []] == rows


def wrong(scorecast: Scorecast, name: str) -> list[tuple[str, str]]:
    """Return kind and participant of each fault on this board."""
    found = faults_on(name, verified(scorecast))
    return sorted((one["kind"], one["id"]) for one in found if isinstance(one, dict))


def forget(stack: Stack, name: str, participant: str) -> Json:
    """Delete an entry directly, as if its changes were lost; return it."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    key = {"id": {"S": participant}, "metadata": {"S": name}}
    return dict(dynamodb.delete_item(TableName=table, Key=key, ReturnValues="ALL_OLD")["Attributes"])


def test_verify_names_what_is_wrong_and_ends_with_9(stack: Stack, scorecast: Scorecast, name: str) -> None:
    put(stack, item("1", name, "10"), item("2", name, "20"))
    eventually(lambda: shows(stack, name, [("2", "20"), ("1", "10")]))
    assert wrong(scorecast, name) == []
    entry = forget(stack, name, "1")
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    for participant in ("3", "4"):
        dynamodb.put_item(TableName=table, Item=entry | {"id": {"S": participant}})
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": "2"}, "metadata": {"S": name}},
        UpdateExpression="SET projectScore = :score",
        ExpressionAttributeValues={":score": {"N": "21"}},
    )
    assert wrong(scorecast, name) == [("extra", "3"), ("extra", "4"), ("missing", "1"), ("stale", "2")]
    done = scorecast.run("verify", "--settle", "0")
    assert done.returncode == 9
    assert f"{name}/1 has no entry, the main table says 10" in done.stdout
    assert f"{name}: range 0 counts 2, but 3 entries are there" in done.stdout
    assert done.stderr.count("\n") == 1
    undo(stack, name)


def undo(stack: Stack, name: str) -> None:
    """Restore the board to what its counters say, so that a later verification finds no fault."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    forget(stack, name, "4")
    entry = forget(stack, name, "3")
    dynamodb.put_item(TableName=table, Item=entry | {"id": {"S": "1"}})
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": "2"}, "metadata": {"S": name}},
        UpdateExpression="SET projectScore = :score",
        ExpressionAttributeValues={":score": {"N": "20"}},
    )
    eventually(lambda: shows(stack, name, [("2", "20"), ("1", "10")]))


# ---------------------------------------------------------------- backfill


def make_believe(stack: Stack, participant: str, name: str, score: str | None) -> None:
    """Let the consumer apply a change that the main table never had, as if the real ones were lost."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["LeaderboardTableName"]
    key = {"id": {"S": participant}, "metadata": {"S": name}}
    standing = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    after = int(standing["sequence"]["S"]) + 1
    new = None if score is None else item(participant, name, score)
    stream_arn = with_label(STREAM_ARN, standing["stream"]["S"])
    change = from_record(record(new, item(participant, name), after) | {"eventSourceARN": stream_arn})
    url = stack.outputs["ConsumerQueueUrl"]
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=event(change))


def test_a_backfill_restores_lost_changes_and_later_changes_win(
    stack: Stack, scorecast: Scorecast, name: str, tmp_path: Path
) -> None:
    put(stack, item("1", name, "10"), item("2", name, "20"), item("3", name, "30"))
    eventually(lambda: shows(stack, name, [("3", "30"), ("2", "20"), ("1", "10")]))
    make_believe(stack, "1", name, None)
    make_believe(stack, "2", name, "99")
    eventually(lambda: shows(stack, name, [("2", "99"), ("3", "30")]))
    assert wrong(scorecast, name) == [("missing", "1"), ("stale", "2")]
    state = tmp_path / "state.json"
    answer = scorecast.json("backfill", "--segments", "2", "--rate", "1000", "--state", str(state))
    assert answer["published"] >= 3
    assert answer["isDone"]
    assert not state.exists()
    eventually(lambda: shows(stack, name, [("3", "30"), ("2", "20"), ("1", "10")]))
    assert wrong(scorecast, name) == []
    put(stack, item("2", name, "5"))
    eventually(lambda: shows(stack, name, [("3", "30"), ("1", "10"), ("2", "5")]))


def test_a_repair_corrects_entries_whose_changes_and_removals_were_lost(
    stack: Stack, scorecast: Scorecast, name: str
) -> None:
    put(stack, item("1", name, "10"), item("2", name, "20"), item("3", name, "30"))
    eventually(lambda: shows(stack, name, [("3", "30"), ("2", "20"), ("1", "10")]))
    make_believe(stack, "1", name, None)
    make_believe(stack, "2", name, "99")
    make_believe(stack, "3", name, None)
    eventually(lambda: shows(stack, name, [("2", "99")]))
    dynamodb, table = stack.client("dynamodb"), stack.outputs["MainTableName"]
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "1"}, "metadata": {"S": name}})
    believe_in(stack, "4", name, "40")
    eventually(lambda: shows(stack, name, [("2", "99"), ("4", "40")]))
    assert wrong(scorecast, name) == [("extra", "4"), ("missing", "3"), ("stale", "2")]
    done = scorecast.run("verify", "--settle", "0", "--repair")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Repaired: " in done.stdout
    eventually(lambda: shows(stack, name, [("3", "30"), ("2", "20")]))
    assert wrong(scorecast, name) == []


def believe_in(stack: Stack, participant: str, name: str, score: str) -> None:
    """Let the consumer apply an insert of an item that the main table lacks, as if its removal was lost."""
    change = from_record(record(item(participant, name, score), None, 1))
    url = stack.outputs["ConsumerQueueUrl"]
    stack.client("sqs").send_message(QueueUrl=url, MessageBody=event(change))


def test_a_backfill_continues_at_its_checkpoint(scorecast: Scorecast, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text('{"table": "another", "segments": [null]}')
    assert "is of the table another" in scorecast.fails(2, "backfill", "--state", str(state))
    done = scorecast.run("backfill", "--state", str(state), "--anew")
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- restore

ODD = {
    "digits": {"N": "12345678901234567890123456789012345678"},
    "raw": {"B": b"\x00\xff"},
    "numbers": {"NS": ["1", "2.5"]},
    "raws": {"BS": [b"a", b"b"]},
    "deep": {"L": [{"M": {"none": {"NULL": True}, "yes": {"BOOL": True}, "empty": {"S": ""}}}]},
}


def items_in(stack: Stack, table: str, name: str) -> dict[str, Json]:
    """The items of a board in a table, by participant; the members of a set have no order."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    found = [one for page in pages for one in page["Items"] if one["metadata"]["S"] == name]
    return {one["id"]["S"]: {key: ordered(value) for key, value in one.items()} for one in found}


def ordered(value: Json) -> Json:
    return {kind: sorted(inner) if kind in ("SS", "NS", "BS") else inner for kind, inner in value.items()}


def operations(stack: Stack, name: str) -> list[str]:
    return sorted(one["detail-type"] for one in backed_up(stack, name))


def test_restore_brings_items_back_as_they_were_at_a_time(stack: Stack, scorecast: Scorecast, name: str) -> None:
    table, dynamodb = stack.outputs["MainTableName"], stack.client("dynamodb")
    put(stack, item("1", name, "10") | ODD, item("2", name, "20"), item("3", name, "30"))
    eventually(lambda: same(operations(stack, name), ["INSERT"] * 3))
    then = items_in(stack, table, name)
    moment = next_second()
    put(stack, item("1", name, "11"), item("4", name, "40"))
    dynamodb.delete_item(TableName=table, Key={"id": {"S": "2"}, "metadata": {"S": name}})
    eventually(lambda: same(operations(stack, name), ["INSERT"] * 4 + ["MODIFY", "REMOVE"]))
    now = items_in(stack, table, name)

    copy = f"copy-{uuid.uuid4()}"
    assert "There is no table" in scorecast.fails(1, "restore", "--table", copy)
    answer = scorecast.json("restore", "--table", copy, "--create", "--until", moment)
    assert answer["written"] >= 3
    assert items_in(stack, copy, name) == then
    assert "holds items" in scorecast.fails(1, "restore", "--table", copy)
    assert scorecast.json("restore", "--table", copy, "--dry-run")["written"] >= 3
    assert items_in(stack, copy, name) == then
    scorecast.ok("restore", "--table", copy, "--overwrite")
    assert items_in(stack, copy, name) == now
    dynamodb.delete_table(TableName=copy)


def same(left: Any, right: Any) -> None:
    assert left == right


def next_second() -> str:
    """Wait for a second after all writes so far and before all later ones, and return it."""
    start = datetime.now(UTC).replace(microsecond=0)

    def later() -> None:
        assert datetime.now(UTC) >= start + timedelta(seconds=1)

    eventually(later)
    return start.isoformat()


def test_restore_publishes_the_newest_change_of_each_item_as_it_was(
    stack: Stack, scorecast: Scorecast, name: str
) -> None:
    put(stack, item("1", name, "10"), item("1", name, "11"))
    eventually(lambda: same(operations(stack, name), ["INSERT", "MODIFY"]))
    eventually(lambda: shows(stack, name, [("1", "11")]))
    assert scorecast.json("restore", "--events")["published"] >= 1
    eventually(lambda: same(operations(stack, name), ["INSERT", "MODIFY", "MODIFY"]))
    newest = {one["detail"]["id"] for one in backed_up(stack, name) if one["detail-type"] == "MODIFY"}
    assert len(newest) == 1
    assert wrong(scorecast, name) == []


def test_a_restore_needs_a_destination(scorecast: Scorecast) -> None:
    assert "either --table NAME or --events" in scorecast.fails(2, "restore")
