"""The contract gives back every item, type for type, whatever DynamoDB can hold."""

import json
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st

from scorecast.change import from_event, from_record, to_detail
from tests.fakes import STREAM_ARN, record

texts = st.text(st.characters(exclude_categories=["Cs"]))
binaries = st.binary().map(lambda raw: b64encode(raw).decode())


def _number(sign: str, digits: int, exponent: int) -> str:
    """A DynamoDB number as DynamoDB writes it: up to 38 digits, no exponent."""
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
def records(draw) -> dict:
    key = draw(keys)
    new, old = draw(st.sampled_from([(True, False), (True, True), (False, True)]))
    return record(
        key | draw(images) | key if new else None,
        key | draw(images) | key if old else None,
        draw(st.integers(1, 10**21 - 1)),
    )


@given(records())
def test_a_change_comes_back_from_the_bus_type_for_type(made: dict) -> None:
    change = from_record(made)
    detail = json.loads(json.dumps(to_detail(change)))  # doubles in between, as on the bus
    assert from_event({"detail": detail, "resources": [STREAM_ARN]}) == change


@given(records())
def test_the_detail_is_json_that_every_parser_reads(made: dict) -> None:
    text = json.dumps(to_detail(from_record(made)), allow_nan=False)
    assert json.loads(text)["schema"] == "scorecast.change/1"


@given(values, values)
def test_changed_names_an_attribute_exactly_when_its_value_differs(left: dict, right: dict) -> None:
    key = {"id": {"S": "1"}, "metadata": {"S": "m"}}
    change = from_record(record(key | {"x": left}, key | {"x": right}))
    if left == right:
        assert change.changed() == []
    elif not {"SS", "NS", "BS", "L", "M"} & (left.keys() | right.keys()):
        assert change.changed() == ["x"]
