"""Queries and scans of what is sorted answer as MiniStack's own do, whatever was written before."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb

from scorecast.twin import sorted_tables
from scorecast.twin.sorted_indexes import keep_indexes_sorted
from scorecast.twin.sorted_tables import keep_tables_sorted

Json = dict[str, Any]

_PATCHED = (
    "_query",
    "_index_members",
    "_index_item",
    "_index_order_keys",
    "_evaluate_condition",
    "_paginate_evaluated_items",
    "_apply_exclusive_start_key",
    "_scan",
    "_build_key",
)
_PLAIN = {name: getattr(dynamodb, name) for name in _PATCHED}


@contextmanager
def sorted_engine() -> Iterator[None]:
    """MiniStack with sorted indexes; its own before and after."""
    keep_indexes_sorted()
    keep_tables_sorted()
    try:
        yield
    finally:
        dynamodb._tables.__class__ = AccountRegionScopedDict
        for name, plain in _PLAIN.items():
            setattr(dynamodb, name, plain)


def call(action: str, **request: Any) -> Json:
    """Call an operation of MiniStack's DynamoDB; return its answer, or its error."""
    _, _, body = getattr(dynamodb, action)(request)
    answer: Json = json.loads(body)
    return answer


SORT_TYPES = {"by_number": "N", "by_text": "S", "s": "S"}


def create(name: str) -> None:
    """Create a table with the keys p and s, and indexes of the partition g by number, by text, and without sort key."""
    attributes = {"p": "S", "s": "S", "g": "S", "by_number": "N", "by_text": "S"}

    def index(sort: str | None, projection: Json) -> Json:
        keys = [{"AttributeName": "g", "KeyType": "HASH"}]
        keys += [{"AttributeName": sort, "KeyType": "RANGE"}] if sort else []
        return {"IndexName": sort or "no_sort", "KeySchema": keys, "Projection": projection}

    whole, keys_only = {"ProjectionType": "ALL"}, {"ProjectionType": "KEYS_ONLY"}
    created = call(
        "_create_table",
        TableName=name,
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in attributes.items()],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[index("by_number", whole), index("by_text", keys_only), index(None, whole)],
    )
    assert "TableDescription" in created


def write(table: str, item: Json, *, remove: bool) -> None:
    key = {name: item[name] for name in "ps"}
    assert "__type" not in (
        call("_delete_item", TableName=table, Key=key) if remove else call("_put_item", TableName=table, Item=item)
    )


# ---------------------------------------------------------------- what is drawn

few = st.sampled_from(["a", "b", "ba", "baa", "c", "ca"])
groups = st.sampled_from(["a", "b"])
numbers = st.sampled_from(["-2", "0.5", "10", "100000000000000000001"])


@st.composite
def items(draw: st.DrawFn) -> Json:
    """An item of few keys, which may lack what an index needs."""
    item: Json = {"p": {"S": draw(groups)}, "s": {"S": draw(few)}}
    optional = {"g": ("S", groups), "by_number": ("N", numbers), "by_text": ("S", few), "more": ("S", few)}
    for name, (kind, values) in optional.items():
        if draw(st.integers(0, 7)):
            item[name] = {kind: draw(values)}
    return item


@st.composite
def queries(draw: st.DrawFn) -> Json:
    """A query of the table, or of an index."""
    index = draw(st.sampled_from([None, "by_number", "by_text", "no_sort"]))
    sort = index or "s"
    condition, values = "#g = :g", {":g": {"S": draw(groups)}}
    form = draw(st.sampled_from(["", "=", "<", "<=", ">", ">=", "BETWEEN", "begins_with", "reversed"]))
    if sort in SORT_TYPES and form and not (form == "begins_with" and sort == "by_number"):
        kind = SORT_TYPES[sort]
        operands = sorted([draw(numbers if kind == "N" else few) for _ in range(2)], key=float if kind == "N" else None)
        values[":a"] = {kind: operands[0]}
        if form == "BETWEEN":
            condition += f" AND {sort} BETWEEN :a AND :b"
            values[":b"] = {kind: operands[1]}
        elif form == "begins_with":
            condition += f" AND begins_with({sort}, :a)"
        else:
            condition = f":a < {sort} AND {condition}" if form == "reversed" else f"{condition} AND {sort} {form} :a"
    query = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {"#g": "g" if index else "p"},
        "ExpressionAttributeValues": values,
        "ScanIndexForward": draw(st.booleans()),
    }
    return query | ({"IndexName": index} if index else {})


@st.composite
def scans(draw: st.DrawFn) -> Json:
    """A scan of the table or of an index, or one segment of a parallel scan."""
    index, segment = draw(st.sampled_from([None, None, "by_number"])), draw(st.sampled_from([None, 0, 1]))
    scan: Json = {"IndexName": index} if index else {}
    return scan | ({"Segment": segment, "TotalSegments": 2} if segment is not None else {})


@st.composite
def reads(draw: st.DrawFn) -> tuple[str, Json]:
    """An operation and its request, of which the pages are read to the end."""
    operation = draw(st.sampled_from(["_query", "_query", "_scan"]))
    request = draw(queries() if operation == "_query" else scans())
    if draw(st.booleans()):
        request["Limit"] = draw(st.integers(1, 3))
    if draw(st.booleans()):
        request["Select"] = "COUNT"
    if draw(st.booleans()):
        request["FilterExpression"] = "attribute_exists(more)"
    return operation, request


def pages(table: str, operation: str, request: Json) -> Iterator[Json]:
    """All pages, each begun where the one before ended."""
    start: Json = {}
    for _ in range(50):
        page = call(operation, TableName=table, **request, **start)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    pytest.fail("the pages do not end")


@settings(max_examples=40)
@given(
    st.lists(st.tuples(items(), st.integers(0, 3)), min_size=10, max_size=30),
    st.lists(reads(), min_size=5, max_size=8),
)
def test_what_is_sorted_answers_as_ministacks_own(
    writes: list[tuple[Json, int]], asked: list[tuple[str, Json]]
) -> None:
    dynamodb.reset()
    for table in ("plain", "sorted"):
        create(table)
    for number, (item, one_of) in enumerate(writes):
        write("plain", item, remove=not one_of)
        with sorted_engine():
            if number == len(writes) // 2:  # everything is sorted from now on
                [list(pages("sorted", *read)) for read in asked]
            write("sorted", item, remove=not one_of)
    for read in asked:
        with sorted_engine():
            found = list(pages("sorted", *read))
        assert found == list(pages("plain", *read))


def test_a_page_ends_at_a_megabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "_DDB_PAGE_SIZE_BYTES", 1024 * 1024)
    dynamodb.reset()
    create("table")
    query = {
        "IndexName": "by_number",
        "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": "a"}},
    }
    for number in range(7):
        more = {"p": {"S": str(number)}, "s": {"S": "s"}, "g": {"S": "a"}, "by_number": {"N": str(number)}}
        write("table", {**more, "more": {"S": "x" * 390_000}}, remove=False)
    plain = [page["Count"] for page in pages("table", "_query", query)]
    with sorted_engine():
        dynamodb._tables["table"].pop(dynamodb._INDEX_MEMBERS)
        assert [page["Count"] for page in pages("table", "_query", query)] == plain == [2, 2, 2, 1]


def test_an_index_that_is_made_later_has_all_items() -> None:
    dynamodb.reset()
    create("table")
    item = {"p": {"S": "p"}, "s": {"S": "s"}, "g": {"S": "a"}, "later": {"S": "x"}}
    query = {"KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": {"S": "a"}}}
    with sorted_engine():
        write("table", item, remove=False)
        assert call("_query", TableName="table", IndexName="no_sort", **query)["Count"] == 1
        keys = [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "later", "KeyType": "RANGE"}]
        made = {"IndexName": "later", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
        definitions = dynamodb._tables["table"]["AttributeDefinitions"]
        call(
            "_update_table",
            TableName="table",
            AttributeDefinitions=[*definitions, {"AttributeName": "later", "AttributeType": "S"}],
            GlobalSecondaryIndexUpdates=[{"Create": made}],
        )
        write("table", {**item, "p": {"S": "q"}}, remove=False)
        assert call("_query", TableName="table", IndexName="later", **query)["Count"] == 2


@pytest.fixture(autouse=True)
def no_tables_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no tables; let a page have few items, and the guess how many they are be a poor one."""
    monkeypatch.setattr(dynamodb, "_DDB_PAGE_SIZE_BYTES", 100)
    monkeypatch.setattr(sorted_tables, "_SAMPLE", 1)
    yield
    dynamodb.reset()
