"""Load: the plan of the changes, and their writing."""

from collections import Counter
from queue import Queue
from threading import Lock, local
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scorecast.errors import UserError
from scorecast.ops.load.load import Load, Written, batches, paced
from scorecast.ops.load.plan import LoadPlan, Write, plan
from scorecast.ops.stack.main_table import main_table_of
from scorecast.ops.stack.polling import Clock
from tests.support.ops_fakes import FakeClock, FakeTables, fake_stack, refusal

WANTED = LoadPlan(changes=5000, participants=100, boards=3, seed=7)


# ---------------------------------------------------------------- the plan


def test_the_same_seed_makes_the_same_changes() -> None:
    assert list(plan(WANTED)) == list(plan(WANTED))
    assert list(plan(WANTED)) != list(plan(LoadPlan(5000, 100, 3, seed=8)))


@pytest.mark.parametrize("changes", [1, 50, 5000])
def test_a_plan_has_as_many_changes_as_wanted(changes: int) -> None:
    assert sum(1 for _ in plan(LoadPlan(changes, 100, 3, seed=7))) == changes


def test_every_write_changes_its_item() -> None:
    standing: dict[tuple[str, str], Write] = {}
    for write in plan(WANTED):
        assert standing.get(write.key) != write
        if write.score is None:
            del standing[write.key]
        else:
            standing[write.key] = write


def test_participants_enter_first_and_then_mostly_rise() -> None:
    seen: dict[tuple[str, str], int] = {}
    kinds: Counter[str] = Counter()
    for write in plan(WANTED):
        before = seen.pop(write.key, None)
        kinds["leave" if write.score is None else "enter" if before is None else _move(before, write.score)] += 1
        if write.score is not None:
            seen[write.key] = write.score
    assert len({key[0] for key in seen}) > 90
    assert len({key[1] for key in seen}) == 3
    assert kinds["rise"] > 4 * (kinds["fall"] + kinds["leave"])
    assert all(kinds[kind] > 50 for kind in ("enter", "rise", "fall", "leave"))


def _move(before: int, after: int) -> str:
    return "rise" if after > before else "fall"


@pytest.mark.parametrize("wanted", [LoadPlan(10, 1, 1, 1), LoadPlan(300, 1, 1, 1), LoadPlan(300, 2, 5, 1)])
def test_few_participants_suffice(wanted: LoadPlan) -> None:
    assert len(list(plan(wanted))) == wanted.changes


# ---------------------------------------------------------------- the writing


def load_of(tables: Any, clock: Any = None) -> Load:
    fake = clock or FakeClock()
    return Load(main_table_of(fake_stack(dynamodb=tables)), tables, clock=Clock(fake.now, fake.sleep))


def test_the_table_ends_as_the_last_writes_left_it() -> None:
    tables = FakeTables()
    written = load_of(tables).run(plan(WANTED))
    last = {write.key: write for write in plan(WANTED)}
    expected = {key: str(write.score) for key, write in last.items() if write.score is not None}
    assert {key: item["projectScore"]["N"] for key, item in tables.tables["main"].items()} == expected
    assert written.changes == WANTED.changes
    assert not written.is_interrupted


def test_writes_go_in_batches_and_report_progress() -> None:
    tables = FakeTables()
    told: list[int] = []
    load = load_of(tables)
    load.on_written = told.append
    load.run(plan(WANTED))
    assert sum(told) == WANTED.changes
    assert len(tables.batches) < WANTED.changes / 2


class ClockOfOneThread(local):
    """Each thread's own time: the sleep of one does not pass in the others."""

    seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Throttling(FakeTables):
    """Processes only the first request of each batch; throttles every fifth call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.lock = Lock()

    def batch_write_item(self, *, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        with self.lock:
            self.calls += 1
            if self.calls % 5 == 0:
                raise refusal("ProvisionedThroughputExceededException")
            [(table, [first, *rest])] = RequestItems.items()
            super().batch_write_item(RequestItems={table: [first]})
        return {"UnprocessedItems": {table: rest} if rest else {}}


def test_throttled_writes_are_repeated() -> None:
    tables = Throttling()
    written = load_of(tables, ClockOfOneThread()).run(plan(LoadPlan(400, 50, 2, seed=1)))
    last = {write.key: write for write in plan(LoadPlan(400, 50, 2, seed=1))}
    assert written.changes == 400
    assert len(tables.tables["main"]) == sum(write.score is not None for write in last.values())


class Refusing(FakeTables):
    def __init__(self, error: ClientError | None = None) -> None:
        super().__init__()
        self.error = error

    def batch_write_item(self, *, RequestItems: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
        if self.error:
            raise self.error
        return {"UnprocessedItems": RequestItems}


def test_a_minute_of_throttling_ends_the_load() -> None:
    with pytest.raises(UserError, match="DynamoDB has throttled a batch for 60 s: choose a lower --rate"):
        load_of(Refusing()).run(plan(WANTED))


def test_a_refusal_ends_the_load() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        load_of(Refusing(refusal("AccessDeniedException"))).run(plan(WANTED))


def test_ctrl_c_ends_the_load_after_the_batches_in_progress() -> None:
    tables = FakeTables()

    def interrupted() -> Any:
        for number, write in enumerate(plan(WANTED)):
            if number == 1000:
                raise KeyboardInterrupt
            yield write

    written = load_of(tables).run(interrupted())
    assert written.is_interrupted
    assert written.changes == sum(len(batch) for batch in tables.batches) <= 1000


def test_a_rate_is_kept() -> None:
    fake = FakeClock()
    writes = [Write(str(number), "b", 1, "n") for number in range(51)]
    assert list(paced(writes, 10, Clock(fake.now, fake.sleep))) == writes
    assert fake.time_s == pytest.approx(5)


def test_a_batch_holds_an_item_once_and_25_at_most() -> None:
    queue: Queue[Write | None] = Queue()
    writes = [Write("1", "b", 1, "n"), Write("2", "b", 1, "n"), Write("1", "b", 2, "n")]
    writes += [Write(str(number), "c", 1, "n") for number in range(30)]
    for write in [*writes, None]:
        queue.put(write)
    assert [len(batch) for batch in batches(queue)] == [2, 25, 6]


def test_writes_a_second() -> None:
    assert Written(100, 4).per_second == 25
    assert Written(0, 0).per_second == 0
