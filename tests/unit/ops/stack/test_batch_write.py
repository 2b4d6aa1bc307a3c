"""write_batch: throttled and unprocessed requests are sent again."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.stack.batch_write import WriteRequest, write_batch
from scorecast.ops.stack.polling import Clock
from tests.support.ops_fakes import FakeClock, FakeTables, entry, refusal

REQUESTS: list[WriteRequest] = [{"PutRequest": {"Item": entry(str(number), "b", "1")}} for number in range(25)]


class OneAtATime(FakeTables):
    """Processes the first request of each batch; throttles every third call."""

    calls = 0

    def batch_write_item(self, *, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        self.calls += 1
        if self.calls % 3 == 0:
            raise refusal("ThrottlingException")
        [(table, [first, *rest])] = RequestItems.items()
        super().batch_write_item(RequestItems={table: [first]})
        return {"UnprocessedItems": {table: rest} if rest else {}}


class Refusing(FakeTables):
    """Processes nothing."""

    def __init__(self, error: ClientError | None) -> None:
        super().__init__()
        self.error = error

    def batch_write_item(self, *, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {"UnprocessedItems": RequestItems}


def write(tables: FakeTables) -> FakeClock:
    fake = FakeClock()
    write_batch(tables, "main", REQUESTS, "run it again", Clock(fake.now, fake.sleep))
    return fake


def test_unprocessed_requests_are_sent_until_none_is_left() -> None:
    tables = OneAtATime()
    write(tables)
    assert len(tables.tables["main"]) == len(REQUESTS)


def test_a_batch_that_is_processed_at_once_waits_for_nothing() -> None:
    assert write(FakeTables()).time_s == 0


@pytest.mark.parametrize("error", [None, refusal("ProvisionedThroughputExceededException")])
def test_a_table_that_processes_nothing_for_a_minute_is_named_with_the_next_step(error: ClientError | None) -> None:
    with pytest.raises(UserError, match="DynamoDB has throttled a batch for 60 s: run it again"):
        write(Refusing(error))


def test_a_refusal_is_not_repeated() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        write(Refusing(refusal("AccessDeniedException")))
