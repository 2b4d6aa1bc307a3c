"""Every item that DynamoDB can hold survives the contract, type for type."""

import json
from base64 import b64decode, b64encode
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from scorecast.changes.change import Change, from_detail, from_event, from_record, to_detail
from scorecast.changes.claim import read_kept
from scorecast.changes.claim_store import ClaimStore, resolve
from scorecast.consumer import read_change
from scorecast.fanout.plan import ENTRY_BYTES, Publication, publication_of
from tests.support.fakes import BUS, STREAM_ARN, FakeObjects, Item, record
from tests.support.schemas import check_entry

texts = st.text(st.characters(exclude_categories=["Cs"]))
binaries = st.binary().map(lambda raw: b64encode(raw).decode())


def _number(sign: str, digits: int, exponent: int) -> str:
    """Return a number as DynamoDB writes it: up to 38 digits, no exponent."""
    text = str(digits)
    if exponent >= 0:
        return sign + text + "0" * exponent if digits else "0"
    whole, fraction = text.zfill(1 - exponent)[:exponent], text.zfill(1 - exponent)[exponent:].rstrip("0")
    return (sign if digits else "") + whole + ("." + fraction if fraction else "")


numbers = st.builds(
    _number,
    st.sampled_from(["", "-"]),
    st.integers(0, 10**38 - 1),
    st.one_of(st.integers(-10, 10), st.integers(-130, 87)),
)
leaves = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers.map(lambda text: {"N": text}),
    binaries.map(lambda text: {"B": text}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    st.lists(texts, min_size=1, unique=True).map(lambda members: {"SS": members}),
    st.lists(numbers, min_size=1, unique=True).map(lambda members: {"NS": members}),
    st.lists(binaries, min_size=1, unique=True).map(lambda members: {"BS": members}),
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner).map(lambda items: {"L": items}) | st.dictionaries(texts, inner).map(lambda items: {"M": items})
    ),
    max_leaves=8,
)
keys = st.fixed_dictionaries({"id": leaves, "metadata": leaves})
images = st.dictionaries(texts, values, max_size=4)


@st.composite
def records(draw: st.DrawFn) -> Item:
    key = draw(keys)
    new, old = draw(st.sampled_from([(True, False), (True, True), (False, True)]))
    return record(
        key | draw(images) | key if new else None,
        key | draw(images) | key if old else None,
        draw(st.integers(1, 10**21 - 1)),
    )


@given(records())
def test_a_change_survives_the_bus_type_for_type(made: Item) -> None:
    change = from_record(made)
    detail = json.loads(json.dumps(to_detail(change)))  # the bus holds numbers as doubles
    assert from_event({"detail": detail, "resources": [STREAM_ARN]}) == change


@given(records())
def test_a_consumer_reads_exact_values_that_boto3_takes(made: Item) -> None:
    event = {"detail": to_detail(from_record(made)), "resources": [STREAM_ARN]}
    check_entry(
        {"Source": "operations.aws.dynamodb", "DetailType": made["eventName"], "Detail": json.dumps(event["detail"])}
        | {"Resources": [STREAM_ARN]}
    )
    change = read_change(json.dumps(event))
    for name, received in (("NewImage", change.new), ("OldImage", change.old)):
        for value in (received or {}).values():
            TypeSerializer().serialize(value)
        image = made["dynamodb"].get(name)
        assert received == (image and {key: _exact(value) for key, value in image.items()})


def _exact(value: Item) -> Any:
    """The value in Python; an int equals a Decimal."""
    [(kind, inner)] = value.items()
    match kind:
        case "M":
            return {key: _exact(one) for key, one in inner.items()}
        case "L":
            return [_exact(one) for one in inner]
        case "B":
            return b64decode(inner)
        case "BS":
            return set(map(b64decode, inner))
        case "N":
            return Decimal(inner)
        case "NS":
            return set(map(Decimal, inner))
    return inner if kind in ("S", "BOOL") else None if kind == "NULL" else set(inner)


@given(records())
def test_every_parser_reads_the_detail_as_json(made: Item) -> None:
    text = json.dumps(to_detail(from_record(made)), allow_nan=False)
    assert json.loads(text)["schema"] == "scorecast.change/1"


@given(records())
def test_the_bus_accepts_every_number_of_a_change(made: Item) -> None:
    """PutEvents rejects JSON integers beyond 64 bits; a number with an exponent is not an integer."""
    publication = publication_of(from_record(made), BUS)
    for text in (publication.entry["Detail"], publication.document or b"{}"):
        assert all(fits_64_bits(number) for number in integers_in(text))


@given(st.dictionaries(texts, values), st.integers(-(10**37), 10**37))
def test_an_old_dead_letter_is_published_with_numbers_that_the_bus_accepts(image: Item, account: int) -> None:
    """Letters of version 0.1.0 hold integers of any size."""
    key = {"id": {"S": "1"}, "metadata": {"S": "m"}}
    change = from_record(record(key | image | {"account": {"N": str(account)}}))
    letter = to_detail(change)
    letter["new"]["account"] = account
    publication = publication_of(from_detail(letter, STREAM_ARN), BUS)
    assert publication.change == change
    assert all(fits_64_bits(number) for number in integers_in(publication.entry["Detail"]))


def integers_in(text: str | bytes) -> list[int]:
    """The JSON integers of a document, as a parser meets them."""
    found: list[int] = []
    json.loads(text, parse_int=lambda digits: found.append(int(digits)))
    return found


def fits_64_bits(number: int) -> bool:
    return -(2**63) <= number < 2**63


@given(values, values)
def test_changed_names_an_attribute_exactly_when_its_value_differs(left: Item, right: Item) -> None:
    key = {"id": {"S": "1"}, "metadata": {"S": "m"}}
    change = from_record(record(key | {"x": left}, key | {"x": right}))
    if left == right:
        assert change.changed() == []
    elif not {"SS", "NS", "BS", "L", "M"} & (left.keys() | right.keys()):
        assert change.changed() == ["x"]


def claimed(made: Item, size: int) -> tuple[Publication, Change, FakeObjects]:
    """Return a change that another attribute of `size` characters makes too large for the bus."""
    body = made["dynamodb"]
    large = {name: body[name] | {"text": {"S": "x" * size}} for name in ("NewImage", "OldImage") if name in body}
    change = from_record(made | {"dynamodb": body | large})
    publication, s3 = publication_of(change, BUS), FakeObjects()
    assert publication.claim
    ClaimStore(lambda: s3).put(publication.claim, publication.document)
    return publication, change, s3


@given(records(), st.sampled_from([ENTRY_BYTES, 400 * 1024]))
def test_a_change_too_large_for_the_bus_survives_it_type_for_type(made: Item, size: int) -> None:
    publication, change, s3 = claimed(made, size)
    event = {"resources": [STREAM_ARN], "detail": json.loads(publication.entry["Detail"])}
    assert from_event(resolve(event, s3)) == change
    kept = read_kept(event)
    assert (kept.keys, kept.sequence, kept.operation) == (change.keys, change.sequence, change.operation)
    for left, right in ((kept.new, change.new), (kept.old, change.old)):
        assert (left is None) == (right is None)
        assert (left or {}).items() <= (right or {}).items()
    assert event["detail"]["changed"] == change.changed()


# A control character is six bytes of JSON.
hostile = st.integers(0, 100_000).map(lambda size: {"S": "\x00" * size})
longest_key = {"id": {"S": "\x00" * 2048}, "metadata": {"S": "\x00" * 1024}}
hostile_images = st.fixed_dictionaries(
    dict.fromkeys(("projectScore", "hackathonName", "userName", "text"), hostile | values)
).map(lambda image: image | longest_key)


@given(hostile_images, hostile_images, st.integers(0, 5000))
def test_an_entry_fits_whatever_its_change_holds(new: Item, old: Item, names: int) -> None:
    many = {"\x00" * 20 + str(number): {"NULL": True} for number in range(names)}
    assert publication_of(from_record(record(new | many, old)), BUS).size_bytes <= ENTRY_BYTES
