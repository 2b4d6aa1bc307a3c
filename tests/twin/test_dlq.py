"""Dead letters on the twin: each kind is listed and redriven to its destination, and leaves the queue only then."""

import json

import pytest

from scorecast.changes.change import Change, from_record
from tests.support.command import Scorecast
from tests.support.deployed import Stack, read_stream
from tests.support.fakes import item, record
from tests.support.pipeline import Json, backed_up, board, only
from tests.support.recovery_fakes import delivery_attributes, envelope, event, invocation_letter, stream_letter
from tests.support.waiting import eventually


def change(name: str, participant: str) -> Change:
    return from_record(record(item(participant, name)) | {"eventID": f"{name}-{participant}"})


def park(stack: Stack, body: str, **attributes: str) -> None:
    given = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
    queue = stack.outputs["FanoutDlqUrl"]
    stack.client("sqs").send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=given)


def groups(scorecast: Scorecast, *filters: str) -> dict[str, int]:
    """How many letters there are by stage."""
    answer = scorecast.json("dlq", "list", *filters)
    return {one["stage"]: one["count"] for one in answer["groups"]}


def consumer_queue(stack: Stack) -> str:
    url = stack.outputs["ConsumerQueueUrl"]
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def function_arn(stack: Stack, output: str) -> str:
    answer = stack.client("lambda").get_function_configuration(FunctionName=stack.outputs[output])
    return str(answer["FunctionArn"])


def test_every_kind_goes_back_to_where_it_belongs(stack: Stack, scorecast: Scorecast, name: str) -> None:
    consumer = function_arn(stack, "ConsumerLambdaName")
    park(stack, envelope("fanout", change(name, "fanout")))
    park(stack, envelope("standings", change(name, "standings")))
    park(stack, event(change(name, "queue")))
    park(stack, event(change(name, "delivery")), **delivery_attributes(consumer_queue(stack)))
    park(stack, invocation_letter(json.loads(event(change(name, "invocation"))), consumer))
    stages = {"fanout", "standings", "queue", "delivery", "invocation"}
    assert groups(scorecast, "--board", name) == dict.fromkeys(stages, 1)
    dry = scorecast.json("dlq", "redrive", "--board", name, "--dry-run")
    assert (dry["letters"], dry["dryRun"]) == (5, True)
    done = scorecast.json("dlq", "redrive", "--board", name)
    assert (done["meant"], done["sent"], done["stayed"]) == (5, 5, 0)

    def all_stand() -> None:
        assert {row[1] for row in board(stack, name) or []} == stages

    eventually(all_stand)
    assert groups(scorecast, "--board", name) == {}


def test_a_batch_of_the_stream_is_read_again(stack: Stack, scorecast: Scorecast, name: str) -> None:
    dynamodb, table = stack.client("dynamodb"), stack.outputs["MainTableName"]
    for participant in "abc":
        dynamodb.put_item(TableName=table, Item=item(participant, name))
    records, stream, shard = stream_records(stack, name)
    assert len(records) == 3
    sequences = [one["dynamodb"]["SequenceNumber"] for one in records]
    place = {"shardId": shard, "streamArn": stream, "batchSize": 3}
    park(stack, stream_letter(startSequenceNumber=sequences[0], endSequenceNumber=sequences[-1], **place))
    assert scorecast.json("dlq", "redrive", "--stage", "stream")["sent"] == 1

    def each_is_there_twice() -> None:
        ids = [one["detail"]["id"] for one in backed_up(stack, name)]
        assert sorted(ids) == sorted(2 * [one["eventID"] for one in records])

    eventually(each_is_there_twice)


def stream_records(stack: Stack, name: str) -> tuple[list[Json], str, str]:
    """The records about a board, the stream's ARN, and the shard."""
    shard = read_stream(stack)
    mine = [one for one in shard.records if one["dynamodb"]["Keys"]["metadata"]["S"] == name]
    return mine, shard.stream_arn, shard.shard_id


def test_what_the_stream_forgot_stays_and_says_what_to_do(stack: Stack, scorecast: Scorecast, name: str) -> None:
    _, stream, shard = stream_records(stack, name)
    park(
        stack, stream_letter(shardId=shard, streamArn=stream, startSequenceNumber="1" * 21, endSequenceNumber="2" * 21)
    )
    said = scorecast.fails(1, "dlq", "redrive", "--stage", "stream")
    assert "no longer keeps the 3 records" in said
    assert groups(scorecast, "--stage", "stream") == {"stream": 1}
    assert scorecast.json("dlq", "purge", "--stage", "stream", "--yes")["deleted"] == 1


def test_a_change_that_is_not_corrected_comes_back_and_can_be_shown_and_purged(
    stack: Stack, scorecast: Scorecast, name: str
) -> None:
    bad = item("1", name, "0") | {"projectScore": {"S": "sixty"}}
    stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=bad)

    def parked() -> Json:
        return only(scorecast.json("dlq", "show", "--board", name)["letters"])

    first = eventually(parked)
    assert (first["stage"], first["errorCode"], first["id"]) == ("standings", "CannotApply", "1")
    assert scorecast.json("dlq", "redrive", "--board", name, "--reason", "sixty")["sent"] == 1
    again = eventually(parked)
    assert again["changeId"] == first["changeId"]
    assert again["messageId"] != first["messageId"]
    shown = scorecast.ok("dlq", "show", "--board", name)
    assert shown.startswith("standings, CannotApply: The item's projectScore is 'sixty' (type S)")
    assert '"projectScore": "sixty"' in shown
    assert "Deleted 1 dead letter." in scorecast.ok("dlq", "purge", "--board", name, "--yes")
    assert scorecast.json("dlq", "list", "--board", name)["letters"] == 0


def test_a_failed_asynchronous_invocation_is_invoked_again(stack: Stack, scorecast: Scorecast, name: str) -> None:
    functions, fanout = stack.client("lambda"), stack.outputs["FanoutLambdaName"]
    functions.invoke(FunctionName=fanout, InvocationType="Event", Payload=json.dumps({"not a batch": name}))

    def parked() -> Json:
        letters = scorecast.json("dlq", "show", "--stage", "invocation", "--limit", "100")["letters"]
        return only([one for one in letters if name in json.dumps(one)])

    first = eventually(parked)
    assert scorecast.json("dlq", "redrive", "--id", first["messageId"])["sent"] == 1
    again = eventually(lambda: came_again(parked(), first))
    scorecast.ok("dlq", "purge", "--id", again["messageId"], "--yes")


def came_again(letter: Json, first: Json) -> Json:
    assert letter["messageId"] != first["messageId"]
    return letter


def test_purging_asks_first(stack: Stack, scorecast: Scorecast, name: str) -> None:
    park(stack, envelope("fanout", change(name, "1")))
    done = scorecast.run("dlq", "purge", "--board", name, stdin="n\n")
    assert done.returncode == 1
    assert f"Delete 1 dead letter (board {name}) permanently?" in done.stderr
    assert "Nothing was deleted." in done.stderr
    assert scorecast.json("dlq", "purge", "--board", name, "--yes")["deleted"] == 1


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--stage", "bus", "There is no stage 'bus'"), ("--older-than", "soon", "'soon' is neither an age")],
)
def test_filters_that_cannot_be_are_refused(scorecast: Scorecast, option: str, value: str, says: str) -> None:
    assert says in scorecast.fails(2, "dlq", "list", option, value)
