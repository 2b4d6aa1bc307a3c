"""DynamoDB on the twin refuses what it refuses on AWS."""

from typing import Any

import pytest

from scorecast.twin.instance import Twin
from tests.support.refusals import refused

Json = dict[str, Any]
ITEM_BYTES = 400 * 1024


@pytest.fixture
def dynamodb(engine: Twin) -> Any:
    return engine.client("dynamodb")


@pytest.fixture
def table(dynamodb: Any, name: str) -> str:
    """A table with the keys p and s, and an index with the keys g and h."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=schema("p", "s"),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in "psgh"],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {"IndexName": "index", "KeySchema": schema("g", "h"), "Projection": {"ProjectionType": "ALL"}}
        ],
    )
    return name


def schema(partition: str, sort: str) -> list[Json]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def item(p: str = "p", s: str = "s", **more: Json) -> Json:
    return {"p": {"S": p}, "s": {"S": s}, **more}


def text(size: int) -> Json:
    return {"S": "x" * size}


def put(table: str, **of: Any) -> Json:
    return {"Put": {"TableName": table, "Item": item(**of)}}


# ---------------------------------------------------------------- items


def test_keys_have_two_kibibytes_and_one(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item=item(p="x" * 2048, s="x" * 1024, g=text(2048), h=text(1024)))
    for wrong in ({"p": "x" * 2049}, {"p": "ä" * 1025}, {"s": "x" * 1025}, {"g": text(2049)}, {"h": text(1025)}):
        with refused("ValidationException", "size limit of"):
            dynamodb.put_item(TableName=table, Item=item(**wrong))
        with refused("ValidationException", "size limit of"):
            dynamodb.transact_write_items(TransactItems=[put(table, **wrong)])
    with refused("ValidationException", "size limit of"):
        set_to(dynamodb, table, "g", text(2049))


def set_to(dynamodb: Any, table: str, attribute: str, value: Json) -> None:
    dynamodb.update_item(
        TableName=table,
        Key=item(),
        UpdateExpression="SET #a = :v",
        ExpressionAttributeNames={"#a": attribute},
        ExpressionAttributeValues={":v": value},
    )


def test_an_item_has_400_kibibytes(dynamodb: Any, table: str) -> None:
    rest = ITEM_BYTES - len("ppssa")
    dynamodb.put_item(TableName=table, Item=item(a=text(rest)))
    with refused("ValidationException", "Item size has exceeded the maximum allowed size"):
        dynamodb.put_item(TableName=table, Item=item(a=text(rest + 1)))
    with refused("ValidationException", "Item size to update has exceeded the maximum allowed size"):
        set_to(dynamodb, table, "b", text(1))


@pytest.mark.parametrize("number", ["1" * 38, "-9.9e125", "1e-130"])
def test_numbers_within_the_range_are_taken(dynamodb: Any, table: str, number: str) -> None:
    dynamodb.put_item(TableName=table, Item=item(n={"N": number}))


@pytest.mark.parametrize("number", ["1" * 39, "1e126", "1e-131", "NaN", "1_000"])
def test_numbers_beyond_38_digits_or_the_range_are_refused(dynamodb: Any, table: str, number: str) -> None:
    with refused("ValidationException"):
        dynamodb.put_item(TableName=table, Item=item(n={"N": number}))


@pytest.mark.parametrize("update", ["ADD n :d", "SET n = n + :d"])
def test_a_sum_is_exact_or_refused(dynamodb: Any, table: str, update: str) -> None:
    def add(number: str) -> None:
        values = {":d": {"N": number}}
        dynamodb.update_item(TableName=table, Key=item(), UpdateExpression=update, ExpressionAttributeValues=values)

    dynamodb.put_item(TableName=table, Item=item(n={"N": "12345678901234567890123456789012345678"}))
    add("1")
    assert dynamodb.get_item(TableName=table, Key=item())["Item"]["n"]["N"] == "12345678901234567890123456789012345679"
    for number in ("0.1", "1e39", "9.9e125"):
        with refused("ValidationException"):
            add(number)


# ---------------------------------------------------------------- transactions and batches


def test_a_transaction_has_a_hundred_actions_on_different_items(dynamodb: Any, table: str) -> None:
    actions = [put(table, p=str(number)) for number in range(101)]
    dynamodb.transact_write_items(TransactItems=actions[:100])
    with refused("ValidationException", "Member must have length less than or equal to 100"):
        dynamodb.transact_write_items(TransactItems=actions)
    check = {"TableName": table, "Key": item(p="1"), "ConditionExpression": "attribute_exists(p)"}
    with refused("ValidationException", "cannot include multiple operations on one item"):
        dynamodb.transact_write_items(TransactItems=[actions[1], {"ConditionCheck": check}])
    with refused("ValidationException", "TransactItems can only contain one of Check, Put, Update or Delete"):
        dynamodb.transact_write_items(TransactItems=[{**actions[0], "ConditionCheck": check}])


def test_a_transaction_has_four_mebibytes(dynamodb: Any, table: str) -> None:
    actions = [put(table, p=str(number), a=text(390_000)) for number in range(11)]
    dynamodb.transact_write_items(TransactItems=actions[:10])
    with refused("ValidationException", "4MB"):
        dynamodb.transact_write_items(TransactItems=actions)
    dynamodb.put_item(**actions[10]["Put"])
    reads = [{"Get": {"TableName": table, "Key": item(p=str(number))}} for number in range(11)]
    assert len(dynamodb.transact_get_items(TransactItems=reads[:10])["Responses"]) == 10
    with refused("ValidationException", "4MB"):
        dynamodb.transact_get_items(TransactItems=reads)


@pytest.mark.parametrize("projection", [{}, {"ProjectionExpression": "p"}])
def test_a_batch_reads_a_hundred_items_and_sixteen_mebibytes(dynamodb: Any, table: str, projection: Json) -> None:
    keys = [item(p=str(number)) for number in range(101)]
    for key in keys[:44]:
        dynamodb.put_item(TableName=table, Item={**key, "a": text(390_000)})
    answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys[:44], **projection}})
    assert [one["p"]["S"] for one in answer["Responses"][table]] == [str(number) for number in range(43)]
    assert answer["UnprocessedKeys"] == {table: {"Keys": [keys[43]], **projection}}
    for wrong, words in ((keys, "less than or equal to 100"), (keys[:1] * 2, "contains duplicates")):
        with refused("ValidationException", words):
            dynamodb.batch_get_item(RequestItems={table: {"Keys": wrong}})


def test_a_batch_writes_25_different_items(dynamodb: Any, table: str) -> None:
    writes = [{"PutRequest": {"Item": item(p=str(number))}} for number in range(26)]
    dynamodb.batch_write_item(RequestItems={table: writes[:25]})
    delete = {"DeleteRequest": {"Key": item(p="0")}}
    for wrong, words in ((writes, "less than or equal to 25"), ([writes[0], delete], "contains duplicates")):
        with refused("ValidationException", words):
            dynamodb.batch_write_item(RequestItems={table: wrong})


# ---------------------------------------------------------------- PartiQL


def test_a_batch_of_statements_reads_or_writes(dynamodb: Any, table: str) -> None:
    insert = {"Statement": f"INSERT INTO \"{table}\" VALUE {{'p': 'p', 's': 's'}}"}
    select = {"Statement": f"SELECT * FROM \"{table}\" WHERE p = 'p' AND s = 's'"}
    with refused("ValidationException", "Read and write requests together in the same batch is not supported."):
        dynamodb.batch_execute_statement(Statements=[insert, select])
    with refused("ValidationException", "less than or equal to 25"):
        dynamodb.batch_execute_statement(Statements=[select] * 26)
    with refused("ValidationException", "less than or equal to 8192"):
        dynamodb.execute_statement(Statement=select["Statement"] + " " * 8192)


@pytest.mark.parametrize(
    "wrong", [{"p": "x" * 2049}, {"g": text(2049)}, {"a": text(ITEM_BYTES)}, {"n": {"N": "1e126"}}]
)
def test_an_inserted_item_is_checked_as_one_that_is_put(dynamodb: Any, table: str, wrong: Any) -> None:
    values = item(**wrong)
    members = ", ".join(f"'{name}': ?" for name in values)
    with refused("ValidationException"):
        dynamodb.execute_statement(
            Statement=f'INSERT INTO "{table}" VALUE {{{members}}}', Parameters=[*values.values()]
        )
