"""The sample events have the form that AWS sends, and each has its effect in its function."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from scorecast.api.endpoints.entries import ListEntries
from scorecast.api.routes import read_query
from scorecast.changes.change import from_detail, from_event, from_record, to_detail
from scorecast.fanout.plan import SOURCE_LEADERBOARD, SOURCE_OTHER, read_publication
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.announce.standing_event import SOURCE, events_of
from scorecast.standings.announce.top import Snapshot, TopEntry
from scorecast.standings.entry import entries_of
from tests.support.fakes import BUS

EVENTS = Path(__file__).parents[3] / "events"
CONTRACT = Path(__file__).parents[3] / "docs" / "event-contract.md"


def sample(name: str) -> Any:
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


RECORDS = sample("dynamodbStream.json")["Records"]


def test_the_stream_batch_holds_an_insert_an_update_and_a_delete() -> None:
    assert [record["eventName"] for record in RECORDS] == ["INSERT", "MODIFY", "REMOVE"]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_has_the_fields_of_the_streams_api_and_lambdas(record: dict[str, Any]) -> None:
    shape: Any = get_session().get_service_model("dynamodbstreams").shape_for("Record")
    known = record.keys() & shape.members.keys()
    report = ParamValidator().validate({name: record[name] for name in known}, shape)
    assert not report.has_errors(), report.generate_report()
    assert record.keys() - shape.members.keys() == {"eventSourceARN"}  # Lambda adds it
    assert record["eventSource"] == "aws:dynamodb"
    assert record["dynamodb"].keys() <= shape.members["dynamodb"].members.keys()


@pytest.mark.parametrize(("at", "name"), list(enumerate(["insertEvent", "updateEvent", "deleteEvent"])))
def test_an_event_is_what_the_bus_makes_of_such_a_record(at: int, name: str) -> None:
    """The events have a participant of their own, so that you can try them beside the batch."""
    event = sample(f"{name}.json")
    text = json.dumps(RECORDS[at]).replace('{"S": "5"}', '{"S": "6"}').replace("userE", "userF")
    record = json.loads(text) | {"eventID": event["detail"]["id"]}
    change = from_record(record)
    assert event["detail"] == to_detail(change)
    assert event["detail-type"] == change.operation
    assert event["source"] == read_publication(record, BUS).entry["Source"] == SOURCE_LEADERBOARD
    assert event["resources"] == [change.stream_arn]
    assert event["time"] == change.at
    assert " ".join(event) == "version id detail-type source account time region resources detail"


def test_the_contracts_example_is_what_the_bus_makes_of_its_change() -> None:
    text = CONTRACT.read_text(encoding="utf-8").partition("## An example with hints")[2].partition("\n## ")[0]
    example = json.loads(text[text.index("{") : text.rindex("}") + 1])
    change = from_detail(example, RECORDS[0]["eventSourceARN"])
    assert json.dumps(to_detail(change)) == json.dumps(example)


@pytest.mark.parametrize(("name", "score"), [("insertEvent", "80"), ("updateEvent", "95"), ("deleteEvent", None)])
def test_an_event_writes_its_entry(name: str, score: str | None) -> None:
    [entry] = entries_of(from_event(sample(f"{name}.json")), AttributeNames())
    assert (entry.key, entry.score) == (("6", "StarWar"), score)


def test_the_standing_event_follows_from_the_update() -> None:
    event, change = sample("standingEvent.json"), from_event(sample("updateEvent.json"))
    [new], detail = entries_of(change, AttributeNames()), event["detail"]
    second = TopEntry("2", "90", "userB")
    top, pending = (second, TopEntry(new.id, "80", new.name)), (TopEntry(new.id, str(new.score), new.name), second)
    [told] = events_of(Snapshot(new.board, detail["sequence"], top, pending, 10, change.at))
    assert (event["detail-type"], event["source"], detail) == (told.kind, SOURCE, told.detail)
    assert event["time"] == change.at
    assert " ".join(event) == "version id detail-type source account time region resources detail"


def test_the_api_request_asks_for_a_board() -> None:
    assert read_query(sample("apigw.json")) == ListEntries("StarWar", 10, None)


def test_the_batch_that_sam_makes_is_published_and_writes_no_entry() -> None:
    """The records of `sam local generate-event dynamodb update`: keys Id and Message, no score."""
    image = {"Id": {"N": "101"}, "Message": {"S": "New item!"}}
    record = RECORDS[0] | {
        "dynamodb": {
            "Keys": {"Id": {"N": "101"}},
            "NewImage": image,
            "ApproximateCreationDateTime": 1428537600,
            "SequenceNumber": "4421584500000000017450439091",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        }
    }
    publication = read_publication(record, BUS)
    assert publication.entry["Source"] == SOURCE_OTHER
    assert entries_of(publication.change, AttributeNames()) == []
