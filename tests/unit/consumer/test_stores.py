"""Each event is handled once, and no change after a newer one of its item, by either store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.consumer import DynamoStore, MemoryStore, NotAcknowledged, Store, newest, once, read_change
from scorecast.consumer.received import ReceivedChange
from tests.support.expressions import meets, updated
from tests.support.fakes import client_error, item
from tests.unit.consumer.test_received import event


@dataclass
class Table:
    """A table of DynamoDB with conditional updates, and a clock; it refuses the next call with `fault`."""

    now: float = 1000.0
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    fault: str | None = None

    def update_item(self, *, TableName: str, Key: dict[str, Any], **update: Any) -> None:
        assert update.pop("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        if self.fault:
            raise client_error(self.fault)
        current = self.items.get(Key["id"]["S"])
        if not meets(current, update):
            error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}, "Item": current or {}}
            raise ClientError(error, "UpdateItem")  # type: ignore[arg-type]
        self.items[Key["id"]["S"]] = updated(current or Key, update)


def dynamo(table: Table, **more: Any) -> DynamoStore:
    return DynamoStore(table, "consumer", clock=lambda: table.now, **more)


@pytest.fixture(params=[MemoryStore, lambda: dynamo(Table())], ids=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    made: Callable[[], Store] = request.param
    return made()


def change(sequence: int = 1, participant: str = "1") -> ReceivedChange:
    return read_change(event(item(participant), sequence=sequence))


def handled(store: Store, *sequences: int) -> list[int]:
    """The changes of an item that are handled, of these deliveries."""
    found = []
    for sequence in sequences:
        with newest(store, change(sequence)) as is_newer:
            found += [sequence] * is_newer
    return found


def test_a_repeated_or_older_change_is_not_handled(store: Store) -> None:
    assert handled(store, 2, 2, 1, 10, 9, 11) == [2, 10, 11]


def test_items_do_not_concern_each_other(store: Store) -> None:
    assert handled(store, 2) == [2]
    with newest(store, change(1, participant="2")) as is_newer:
        assert is_newer


def test_an_event_is_handled_once(store: Store) -> None:
    for first in (True, False):
        with once(store, change()) as is_first:
            assert is_first is first


def test_an_event_whose_handling_fails_is_handled_again(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), once(store, change()) as is_first:
            1 / (not is_first)
    assert handled(store, 1) == [1]


def test_while_a_change_is_handled_no_other_of_its_item_is(store: Store) -> None:
    with newest(store, change(2)):
        for other in (1, 2, 3):
            with pytest.raises(NotAcknowledged, match="is being handled"), newest(store, change(other)):
                pytest.fail("entered")
    assert handled(store, 1, 2, 3) == [3]


def test_a_lease_that_its_process_left_ends() -> None:
    table = Table()
    assert dynamo(table).begin("a", "1")
    with pytest.raises(NotAcknowledged):
        dynamo(table).begin("a", "1")
    table.now += 61
    assert dynamo(table).begin("a", "1")


def test_a_process_that_outlived_its_lease_does_not_note_anything() -> None:
    table = Table()
    slow, quick = dynamo(table), dynamo(table)
    lease = slow.begin("a", "1")
    assert lease
    table.now += 61
    other = quick.begin("a", "2")
    assert other
    with pytest.raises(NotAcknowledged, match="took longer than 60 s"):
        slow.finish("a", "1", lease)
    slow.release("a", lease)
    quick.finish("a", "2", other)
    assert slow.begin("a", "1") is None


def test_what_is_remembered_expires() -> None:
    table = Table()
    handled(dynamo(table, keep_days=1), 1)
    [noted] = table.items.values()
    assert noted["expiresAt"] == {"N": str(1000 + 24 * 3600)}


def test_a_call_that_is_repeated_since_its_answer_was_lost_finds_its_own_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Table()
    store, update_item = dynamo(table), table.update_item

    def twice(**request: Any) -> None:
        update_item(**dict(request))
        update_item(**dict(request))

    monkeypatch.setattr(table, "update_item", twice)
    assert handled(store, 1, 2) == [1, 2]


def test_the_longest_key_fits() -> None:
    table = Table()
    with newest(dynamo(table), change(participant="x" * 2048)):
        pass
    [key] = table.items
    assert len(key) < 100


def test_another_error_of_the_table_is_raised() -> None:
    with pytest.raises(ClientError, match="Throttling"):
        handled(dynamo(Table(fault="ThrottlingException")), 1)
