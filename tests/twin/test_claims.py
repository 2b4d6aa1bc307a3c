"""A change too large for the bus, on the twin: through fan-out, backup, consumer and restore, type for type."""

import json
import uuid
from pathlib import Path
from typing import Any

from scorecast.changes.change import Change, from_event, from_record
from scorecast.changes.claim import claim_in, read_pointer
from scorecast.changes.claim_store import ClaimStore, resolve
from scorecast.fanout.plan import ENTRY_BYTES, publication_of
from scorecast.leaderboard.item import NAME_CHARACTERS
from scorecast.ops.stack.typed_json import in_json
from scorecast.runtime.settings import AttributeNames, Bus
from tests.support.command import Scorecast
from tests.support.deployed import Stack
from tests.support.fakes import item, record
from tests.support.pipeline import Json, backed_up, only, parked, put, shows
from tests.support.recovery_fakes import envelope
from tests.support.waiting import eventually

# An item of DynamoDB has at most 400 KB, including the names of its attributes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items
ITEM_BYTES = 400 * 1024
DIGITS_38 = "-1.2345678901234567890123456789012345678"


def large_item(name: str, score: str, filling: str) -> Json:
    """Make an item of almost 400 KB with types that plain JSON lacks, as the SDK takes it."""
    numbers = [f"{number}.{'9' * 20}1" for number in range(2000)]
    return item("1", name, score) | {
        "photo": {"B": filling.encode() * 50_000 + bytes(range(256))},
        "photos": {"BS": [b"\x00" * 1000, b"\xff" * 1000]},
        "numbers": {"NS": numbers},
        "exact": {"N": DIGITS_38},
        "tags": {"SS": ["late", "名人堂"]},
        "nested": {"M": {"a/b": {"L": [{"NULL": True}, {"BOOL": False}, {"N": DIGITS_38}, {"S": ""}]}}},
        "text": {"S": filling * 295_000},
    }


def size_bytes(value: Any) -> int:
    """Return about the size that DynamoDB counts for an item."""
    if isinstance(value, dict):
        return sum(len(name.encode()) + size_bytes(inner) for name, inner in value.items())
    if isinstance(value, list):
        return sum(map(size_bytes, value))
    return len(value) if isinstance(value, bytes) else len(str(value).encode())


def same(left: Json, right: Json) -> bool:
    """Whether two items are equal type for type; the members of a set have no order."""
    return bool(_ordered(in_json(left)) == _ordered(in_json(right)))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted(one) if key in ("SS", "NS", "BS") else _ordered(one) for key, one in value.items()}
    return [_ordered(one) for one in value] if isinstance(value, list) else value


def only_event(stack: Stack, name: str, operation: str) -> Json:
    return only([one for one in backed_up(stack, name) if one["detail-type"] == operation])


def test_a_change_of_400_kb_in_each_image_passes_type_for_type(stack: Stack, scorecast: Scorecast, name: str) -> None:
    old, new = large_item(name, "60", "o"), large_item(name, "95", "n")
    assert all(ITEM_BYTES * 0.97 < size_bytes(one) <= ITEM_BYTES for one in (old, new))
    put(stack, old, new)
    eventually(lambda: shows(stack, name, [(1, "1", "95")]))
    event = eventually(lambda: only_event(stack, name, "MODIFY"))
    detail = event["detail"]
    assert len(json.dumps(event)) < ENTRY_BYTES
    assert detail["new"] == {
        "id": "1",
        "metadata": name,
        "hackathonName": name,
        "projectScore": 95,
        "userName": "userA",
    }
    assert detail["old"] == detail["new"] | {"projectScore": 60}
    assert detail["changed"] == ["photo", "projectScore", "text"]
    whole = from_event(resolve(event, stack.client("s3")))
    assert same(whole.old or {}, old)
    assert same(whole.new or {}, new)
    pattern = {"detail": {"new": {"projectScore": [{"numeric": [">=", 90]}], "hackathonName": [name]}}}
    matches = stack.client("events").test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
    assert matches["Result"]
    check_restored(stack, scorecast, new)


def check_restored(stack: Stack, scorecast: Scorecast, wanted: Json) -> None:
    """Restore the backup into a table of its own, and compare the item."""
    dynamodb, table = stack.client("dynamodb"), f"restored-{uuid.uuid4()}"
    answer = scorecast.json("restore", "--table", table, "--create")
    assert answer["unresolved"] == 0
    key = {"id": wanted["id"], "metadata": wanted["metadata"]}
    assert same(dynamodb.get_item(TableName=table, Key=key)["Item"], wanted)
    dynamodb.delete_table(TableName=table)


def test_a_restore_omits_and_names_a_document_whose_hash_differs(stack: Stack, scorecast: Scorecast, name: str) -> None:
    put(stack, large_item(name, "60", "x"))
    claim = claim_in(eventually(lambda: only_event(stack, name, "INSERT")))
    assert claim
    s3, place = stack.client("s3"), {"Bucket": claim.bucket, "Key": claim.key}
    body = s3.get_object(**place)["Body"].read()
    s3.put_object(**place, Body=b"{}")
    error = scorecast.fails(1, "restore", "--table", f"restored-{uuid.uuid4()}", "--create", "--json")
    assert "1 items were skipped because their images are unavailable" in error
    assert claim.uri in error
    s3.put_object(**place, Body=body)


def test_an_attribute_that_the_event_cannot_keep_is_fetched_by_the_consumer(stack: Stack, name: str) -> None:
    long = "x" * 5000
    put(stack, large_item(name, "60", "x") | {"userName": {"S": long}, "photo": {"B": b""}})
    detail = eventually(lambda: only_event(stack, name, "INSERT"))["detail"]
    assert detail["images"]["leftOut"] == ["/new/userName"]

    def shows_the_name() -> None:
        status, body = stack.get("leaderBoard/", hackathonName=name)
        assert status == 200
        assert body["entries"][0]["userName"] == long[:NAME_CHARACTERS]

    eventually(shows_the_name)


def test_a_backfill_publishes_large_items(stack: Stack, scorecast: Scorecast, name: str, tmp_path: Path) -> None:
    wanted = large_item(name, "60", "x")
    put(stack, wanted)
    scorecast.json("backfill", "--state", str(tmp_path / "state.json"))
    event = eventually(lambda: only_event(stack, name, "READ"))
    whole = from_event(resolve(event, stack.client("s3")))
    assert claim_in(event)
    assert same(whole.new or {}, wanted)


# ---------------------------------------------------------------- dead letters


def large_change(name: str) -> Change:
    return from_record(record(in_json(large_item(name, "60", "x"))) | {"eventID": f"{name}-large"})


def send(stack: Stack, body: str) -> None:
    stack.client("sqs").send_message(QueueUrl=stack.outputs["FanoutDlqUrl"], MessageBody=body)


def test_a_letter_with_a_claim_is_listed_shown_and_sent_again(stack: Stack, scorecast: Scorecast, name: str) -> None:
    bus = Bus(stack.outputs["BusName"], stack.outputs["BackupBucketName"], AttributeNames())
    publication = publication_of(large_change(name), bus)
    assert publication.claim
    send(stack, envelope(change=json.loads(publication.entry["Detail"]), streamArn=publication.change.stream_arn))
    error = scorecast.run("dlq", "redrive", "--board", name)
    assert publication.claim.uri in error.stderr  # the document is not there yet
    stack.client("s3").put_object(Bucket=bus.bucket, Key=publication.claim.key, Body=publication.document)
    [group] = scorecast.json("dlq", "list", "--board", name)["groups"]
    assert (group["stage"], group["count"]) == ("fanout", 1)
    [shown] = scorecast.json("dlq", "show", "--board", name)["letters"]
    assert shown["content"]["detail"]["images"]["key"] == publication.claim.key
    [shown] = scorecast.json("dlq", "show", "--board", name, "--images")["letters"]
    assert shown["content"]["detail"]["new"]["text"] == "x" * 295_000
    assert scorecast.json("dlq", "redrive", "--board", name)["sent"] == 1
    eventually(lambda: shows(stack, name, [(1, "1", "60")]))


def test_a_letter_that_holds_a_large_change_whole_is_sent_with_a_claim(
    stack: Stack, scorecast: Scorecast, name: str
) -> None:
    send(stack, envelope(made=large_change(name)))
    assert scorecast.json("dlq", "redrive", "--board", name)["sent"] == 1
    event = eventually(lambda: only_event(stack, name, "INSERT"))
    assert from_event(resolve(event, stack.client("s3"))) == large_change(name)


def test_a_large_record_that_cannot_be_read_is_parked_with_a_claim(
    stack: Stack, scorecast: Scorecast, name: str
) -> None:
    large = in_json(large_item(name, "60", "名"))
    broken = record(large, large) | {"eventName": "TRUNCATE", "eventID": name}
    functions = stack.client("lambda")
    answer = functions.invoke(
        FunctionName=stack.outputs["FanoutLambdaName"],
        Payload=json.dumps({"Records": [broken, record(item("2", name))]}),
    )
    assert json.load(answer["Payload"]) == {"records": 2, "published": 1, "parked": 1}
    eventually(lambda: shows(stack, name, [(1, "2", "60")]))
    claims = ClaimStore(lambda: stack.client("s3"))
    [letter] = [one for one in parked(stack, "unreadable/") if claims.fetch(read_pointer(one["images"])) == broken]
    assert (letter["stage"], letter["errorCode"]) == ("fanout", "CannotRead")
    assert "TRUNCATE" in letter["reason"]
