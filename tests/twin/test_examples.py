"""The example consumers get every change of a load, once and in order."""

import json
import os
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from scorecast.twin.instance import without_aws
from tests.support.command import Scorecast
from tests.support.deployed import Stack, copy_of, events_in_backup, read_stream
from tests.support.examples import EXAMPLES, bundle_python, compile_typescript
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow
CHANGES = 3_000
# The participants of a load.
OF_LOAD = "load-"
# The board whose changes the Python example copies.
COPIED = "load-board-3"
# An item whose change is too large for the bus, with a score of more digits than JSON has.
LARGE = {"id": "load-large", "metadata": COPIED, "projectScore": Decimal("0.12345678901234567"), "essay": "x" * 300_000}
EVERY_CHANGE = '{"source": ["update.aws.dynamodb", "operations.aws.dynamodb"]}'
Items = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def stack(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack without the loads of other tests."""
    with copy_of(made, tmp_path_factory.mktemp("examples") / "copy") as stack:
        yield stack


@pytest.fixture(scope="module")
def copy(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack of the Python example."""
    template = bundle_python(tmp_path_factory.mktemp("example"))
    bucket = f"BackupBucketName={stack.outputs['BackupBucketName']}"
    options = ["--stack-name", "copy", "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-progressbar"]
    stack.sam("deploy", "--template-file", str(template), "--parameter-overrides", bucket, *options)
    return stack.beside("copy")


@pytest.fixture(scope="module")
def printed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the TypeScript example prints while it reads a queue that keeps the order in which the bus delivers."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = stack.client("sqs").create_queue(QueueName="changes.fifo", Attributes=attributes)["QueueUrl"]
    environment = without_aws(os.environ) | stack.twin.environment()
    path = tmp_path_factory.mktemp("printed") / "lines"
    with path.open("w") as output:
        process = subprocess.Popen(["node", str(compile_typescript()), url], env=environment, stdout=output)
        yield path
        assert process.poll() is None
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def changes(stack: Stack, copy: Stack, printed: Path) -> list[dict[str, Any]]:
    """The details of all changes of a load and of the large item, while both consumers run."""
    scorecast = Scorecast(stack.twin.port)
    queue = "arn:aws:sqs:us-east-1:000000000000:changes.fifo"
    of_board = json.dumps({"detail": {"keys": {"metadata": [COPIED]}}})
    scorecast.ok("consumers", "add", "changes", "--pattern", EVERY_CHANGE, "--target", queue, "--fifo-by", "item")
    scorecast.ok("consumers", "add", "copy", "--pattern", of_board, "--target", copy.outputs["QueueArn"])
    item = {name: TypeSerializer().serialize(value) for name, value in LARGE.items()}
    stack.client("dynamodb").put_item(TableName=stack.outputs["MainTableName"], Item=item)
    scorecast.ok("load", "--changes", str(CHANGES), "--timeout", "400")
    keys = {one["eventID"]: one["dynamodb"]["Keys"] for one in read_stream(stack).records}
    happened = {one for one, key in keys.items() if key["id"]["S"].startswith(OF_LOAD)}
    return eventually(lambda: all_in_backup(stack, happened))


def all_in_backup(stack: Stack, ids: set[str]) -> list[dict[str, Any]]:
    """The details of all changes of a load, once those with the ids are in the backup."""
    details = {event["detail"]["id"]: event["detail"] for event in events_in_backup(stack)}
    assert ids <= details.keys()
    return [detail for detail in details.values() if is_of_load(detail)]


def is_of_load(change: dict[str, Any]) -> bool:
    return str(change["keys"]["id"]).startswith(OF_LOAD)


def test_the_typescript_example_prints_every_change_once_and_in_order(
    printed: Path, changes: list[dict[str, Any]]
) -> None:
    # A write that changes nothing is no change, so there are a few less than writes.
    assert CHANGES * 0.99 < len(changes) <= CHANGES + 1

    def all_printed() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in printed.read_text(encoding="utf-8").split("\n")[:-1]]
        of_load = list(filter(is_of_load, lines))
        assert len(of_load) >= len(changes)
        return of_load

    lines = eventually(all_printed, deadline_s=400)
    assert sorted(line["id"] for line in lines) == sorted(change["id"] for change in changes)
    assert [line["score"] for line in lines if line["keys"]["id"] == LARGE["id"]] == [str(LARGE["projectScore"])]
    newest: dict[tuple[str, str], str] = {}
    for line in lines:
        item = line["keys"]["id"], line["keys"]["metadata"]
        assert newest.get(item, "") < line["sequence"]
        newest[item] = line["sequence"]


def items_of_board(stack: Stack, table: str) -> Items:
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = [item for page in pages for item in page["Items"]]
    return {(item["id"]["S"], item["metadata"]["S"]): item for item in items if item["metadata"]["S"] == COPIED}


def test_the_python_example_copies_every_item(stack: Stack, copy: Stack, changes: list[dict[str, Any]]) -> None:
    main = items_of_board(stack, stack.outputs["MainTableName"])
    assert len(main) > 50
    assert main[str(LARGE["id"]), COPIED]["essay"]["S"] == LARGE["essay"]

    def all_copied() -> None:
        assert items_of_board(stack, copy.outputs["CopyTable"]) == main

    eventually(all_copied, deadline_s=400)


def test_the_backup_becomes_a_table(stack: Stack) -> None:
    bucket = stack.outputs["BackupBucketName"]
    template = str(EXAMPLES / "backup" / "template.yaml")
    options = ["--stack-name", "backup-as-data", "--resolve-s3", "--no-progressbar"]
    stack.sam("deploy", "--template-file", template, "--parameter-overrides", f"BackupBucketName={bucket}", *options)
    [table] = stack.client("glue").get_tables(DatabaseName="scorecast")["TableList"]
    assert table["StorageDescriptor"]["Location"] == f"s3://{bucket}/changes/"
    assert table["Parameters"]["storage.location.template"] == f"s3://{bucket}/changes/${{hour}}/"
    assert table["StorageDescriptor"]["SerdeInfo"]["Parameters"]["field.delim"] == "\u0001"
