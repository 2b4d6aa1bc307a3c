"""Verification finds missing, extra and stale entries page by page, and waits for changes in progress."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from scorecast.changes.change import from_detail, stream_label
from scorecast.leaderboard.columns import tie_key
from scorecast.leaderboard.item import Item, StoredEntry, make_item
from scorecast.leaderboard.policy import BoardPolicy, Keep, Order
from scorecast.ops.recovery import verification
from scorecast.ops.recovery.comparison import Comparison, Difference
from scorecast.ops.recovery.read_change import item_reader_of
from scorecast.ops.recovery.repair import PATIENCE_S, Repair
from scorecast.ops.recovery.verification import kind_of, verifier_of, wait_until_equal
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from scorecast.runtime.settings import AttributeNames
from scorecast.standings.entry import entries_of
from tests.support.fakes import STREAM_ARN
from tests.support.ops_fakes import FakeClock, entry, fake_stack
from tests.support.recovery_fakes import CONSUMER_QUEUE, FakeQueue, RecoveryTables

LABEL = stream_label(STREAM_ARN)


@pytest.fixture
def tables() -> RecoveryTables:
    return RecoveryTables()


def stack_of(tables: RecoveryTables) -> Stack:
    stack = fake_stack(dynamodb=tables)
    return replace(stack, outputs=dict(stack.outputs) | {"BoardTableName": "boards"})


def find(tables: RecoveryTables, settle_s: float = 0) -> list[tuple[str, str]]:
    """The kind of each difference, and the participant."""
    fake = FakeClock()
    verifier = verifier_of(stack_of(tables), settle_s, lambda *_: None, Clock(fake.now, fake.sleep))
    return [(kind_of(one), one.participant) for one in verifier.find()]


def test_equal_tables_have_no_differences(tables: RecoveryTables) -> None:
    for table in ("main", "leaderboard"):
        tables.put(table, *(entry(str(at), "StarWar", str(at), f"user{at}") for at in range(250)))
    assert find(tables) == []


def test_each_kind_of_difference_is_found(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "1"), entry("2", "b", "2"), entry("3", "b", "3"), entry("4", "b", "4", "new"))
    tables.put("leaderboard", entry("2", "b", "2.0"), entry("3", "b", "9"), entry("4", "b", "4", "old"))
    tables.put("leaderboard", entry("5", "b", "5"))
    assert find(tables) == [("missing", "1"), ("stale", "3"), ("stale", "4"), ("extra", "5")]


def test_tombstones_and_items_without_a_score_are_ignored(tables: RecoveryTables) -> None:
    key = {"id": {"S": "1"}, "metadata": {"S": "b"}}
    tables.put("leaderboard", key | {"sequence": {"S": "1"}, "at": {"S": "2026"}})
    tables.put("main", {"id": {"S": "2"}, "metadata": {"S": "profile"}}, key | {"projectScore": {"S": "many"}})
    assert find(tables) == []


def test_a_board_that_an_attribute_names_is_found_by_the_participants_items(tables: RecoveryTables) -> None:
    named = {"hackathonName": {"S": "StarWar"}}
    tables.put("main", entry("1", "a", "60") | named, entry("1", "b", "70") | named, entry("2", "a", "5") | named)
    tables.put("leaderboard", entry("1", "StarWar", "70"), entry("2", "StarWar", "6"), entry("3", "StarWar", "1"))
    assert find(tables) == [("stale", "2"), ("extra", "3")]


def test_keys_of_other_types_are_compared_too(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "1"))
    tables.put("leaderboard", entry("1", "b", "1"), entry("2", "b", "1"))
    verifier = verifier_of(stack_of(tables), 0, lambda *_: None)
    verifier.table = replace(verifier.table, key_types={"id": "S", "metadata": "N"})
    assert [one.participant for one in verifier.find()] == ["2"]


def test_a_change_in_progress_is_not_a_difference(tables: RecoveryTables) -> None:
    tables.put("main", *(entry(str(at), "b", "1") for at in range(3)))
    looks: list[str] = []

    def arrive(operation: str) -> None:
        looks.append(operation)
        if looks.count("get leaderboard") == 5:
            tables.put("leaderboard", *(entry(str(at), "b", "1") for at in range(3)))

    tables.after_read = arrive
    assert find(tables, settle_s=10) == []


def test_all_differences_share_the_time_to_settle(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "1"))
    tables.put("leaderboard", entry("2", "b", "1"))
    fake = FakeClock()
    verifier = verifier_of(stack_of(tables), 10, lambda *_: None, Clock(fake.now, fake.sleep))
    assert len(list(verifier.find())) == 2
    assert fake.time_s == pytest.approx(10)


def test_progress_counts_items_and_entries(tables: RecoveryTables) -> None:
    tables.put("main", *(entry(str(at), "b", "1") for at in range(150)))
    tables.put("leaderboard", *(entry(str(at), "b", "1") for at in range(120)))
    seen: list[tuple[int, int]] = []
    list(verifier_of(stack_of(tables), 0, lambda *counts: seen.append(counts)).find())
    assert seen == [(100, 0), (50, 0), (0, 100), (0, 20)]


# ---------------------------------------------------------------- waiting until the tables are equal


def wait(tables: RecoveryTables, timeout_s: float = 0, boards: list[str] | None = None) -> Comparison:
    fake = FakeClock()
    return wait_until_equal(stack_of(tables), boards, timeout_s, lambda _: None, clock=Clock(fake.now, fake.sleep))


def test_numbers_are_equal_however_they_are_written(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "StarWar", "60.0", "userA"), entry("2", "StarWar", "9" * 38))
    tables.put("leaderboard", entry("1", "StarWar", "60", "userA"), entry("2", "StarWar", "9" * 38))
    assert wait(tables) == Comparison(entries=2, differing=0, examples=())


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        ([], "StarWar/1 has no entry, the main table says 60 (userA)"),
        ([entry("1", "StarWar", "61", "userA")], "StarWar/1 shows 61 (userA), the main table says 60 (userA)"),
        ([entry("1", "StarWar", "60")], "StarWar/1 shows 60, the main table says 60 (userA)"),
        (
            [entry("1", "StarWar", "60", "userA"), entry("2", "Other", "5")],
            "Other/2 shows 5, the main table has no such item",
        ),
    ],
)
def test_each_difference_is_counted_and_named(tables: RecoveryTables, shown: list[Item], says: str) -> None:
    tables.put("main", entry("1", "StarWar", "60", "userA"))
    tables.put("leaderboard", *shown)
    comparison = wait(tables)
    assert (comparison.entries, comparison.differing) == (1, 1)
    assert says in str(comparison)


def test_an_item_without_a_valid_score_makes_no_entry(tables: RecoveryTables) -> None:
    no_score = {"id": {"S": "1"}, "metadata": {"S": "profile"}}
    text_score = entry("2", "StarWar", "0") | {"projectScore": {"S": "ninety"}}
    tables.put("main", no_score, text_score)
    assert wait(tables).entries == 0


def test_an_entry_may_show_any_of_the_items_that_make_it(tables: RecoveryTables) -> None:
    named = {"hackathonName": {"S": "StarWar"}}
    tables.put("main", entry("1", "project-a", "60") | named, entry("1", "project-b", "70") | named)
    tables.put("leaderboard", entry("1", "StarWar", "70"))
    assert wait(tables).is_equal


def test_only_the_boards_that_are_asked_for_are_compared(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "StarWar", "60"), entry("2", "Other", "5"))
    tables.put("leaderboard", entry("1", "StarWar", "60"), entry("3", "Other", "7"))
    assert wait(tables).differing == 2
    assert wait(tables, boards=["StarWar"]) == Comparison(entries=1, differing=0, examples=())


def test_a_few_differences_are_named_and_all_are_counted(tables: RecoveryTables) -> None:
    tables.put("main", *(entry(str(number), "b", "1") for number in range(8)))
    comparison = wait(tables)
    assert comparison.differing == 8
    assert [one.participant for one in comparison.examples] == list("01234")


def test_the_wait_ends_as_soon_as_all_entries_are_equal(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "StarWar", "60"), entry("2", "StarWar", "90"))
    seen: list[int] = []

    def arrive_at_the_third_look(comparison: Comparison) -> None:
        seen.append(comparison.differing)
        tables.put("leaderboard", entry(str(len(seen)), "StarWar", "60" if len(seen) == 1 else "90"))

    fake = FakeClock()
    clock = Clock(fake.now, fake.sleep)
    comparison = wait_until_equal(stack_of(tables), None, 60, arrive_at_the_third_look, clock=clock)
    assert comparison == Comparison(entries=2, differing=0, examples=())
    assert seen == [2, 1, 0]
    assert fake.time_s < 2


def test_the_wait_reads_both_tables_only_at_its_beginning_and_its_end(
    tables: RecoveryTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "CHUNK", 10)
    tables.put("main", *(entry(str(number), "b", "1") for number in range(30)))
    scan, readings = tables.scan, list[str]()

    def count_readings(**request: Any) -> dict[str, Any]:
        if "ExclusiveStartKey" not in request:
            readings.append(request["TableName"])
        return scan(**request)

    monkeypatch.setattr(tables, "scan", count_readings)
    seen: list[int] = []

    def arrive_bit_by_bit(comparison: Comparison) -> None:
        arrived = 6 * len(seen)
        tables.put("leaderboard", *(entry(str(number), "b", "1") for number in range(arrived, min(arrived + 6, 30))))
        seen.append(comparison.differing)

    fake = FakeClock()
    assert wait_until_equal(stack_of(tables), None, 60, arrive_bit_by_bit, clock=Clock(fake.now, fake.sleep)).is_equal
    assert seen[0] == 30
    assert seen == sorted(seen, reverse=True)
    assert readings == ["main", "leaderboard"] * 2


def test_the_wait_reads_the_tables_when_the_newest_entries_have_arrived(tables: RecoveryTables) -> None:
    tables.put("main", *(entry(str(number), "b", "1") for number in range(30)))
    newest = [(str(number), "b") for number in range(20, 31)]  # the last one was deleted again
    seen: list[tuple[int, int]] = []

    def arrive(comparison: Comparison) -> None:
        seen.append((comparison.entries, comparison.differing))
        arrived = range(15, 25) if len(seen) == 1 else range(30)
        tables.put("leaderboard", *(entry(str(number), "b", "1") for number in arrived))

    fake = FakeClock()
    clock = Clock(fake.now, fake.sleep)
    comparison = wait_until_equal(stack_of(tables), None, 60, arrive, newest, clock)
    assert seen == [(0, 10), (0, 5), (30, 0)]
    assert comparison.began_s == fake.time_s > 0


def test_the_wait_sees_entries_that_items_with_other_keys_make(tables: RecoveryTables) -> None:
    named = {"hackathonName": {"S": "StarWar"}}
    tables.put("main", *(entry(str(number), "project", "60") | named for number in range(3)))
    looks: list[int] = []

    def arrive(comparison: Comparison) -> None:
        looks.append(comparison.differing)
        tables.put("leaderboard", entry(str(len(looks) - 1), "StarWar", "60"))

    fake = FakeClock()
    assert wait_until_equal(stack_of(tables), None, 60, arrive, clock=Clock(fake.now, fake.sleep)).is_equal
    assert (looks[0], looks[-1]) == (3, 0)


def test_the_wait_gives_up_at_the_deadline(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "StarWar", "60"))
    fake = FakeClock()
    comparison = wait_until_equal(stack_of(tables), None, 60, lambda _: None, clock=Clock(fake.now, fake.sleep))
    assert not comparison.is_equal
    assert fake.time_s == 60


def test_a_comparison_says_how_many_entries_were_compared_loosely(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "Golf", "60"), entry("2", "StarWar", "5"), entry("3", "Final", "5"))
    tables.put("leaderboard", entry("1", "Golf", "90"), entry("2", "StarWar", "5"))
    assert wait(tables).differing == 2
    tables.declare("Golf", BoardPolicy(keep=Keep.BEST))
    tables.declare("Final", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    assert wait(tables) == Comparison(entries=3, differing=0, examples=(), loose=2)


# ---------------------------------------------------------------- policies


def test_entries_of_boards_with_a_policy_are_compared_loosely_and_counted(tables: RecoveryTables) -> None:
    tables.declare("Golf", BoardPolicy(keep=Keep.BEST, order=Order.ASCENDING))
    tables.declare("Final", BoardPolicy(closes_at="2026-01-01T00:00:00Z"))
    tables.put("main", *(entry(at, "Golf", "70") for at in "123"), entry("1", "Final", "9"), entry("1", "b", "1"))
    tables.put("leaderboard", entry("1", "Golf", "66"), entry("2", "Golf", "71"), entry("5", "Golf", "60"))
    tables.put("leaderboard", entry("2", "Final", "5"), entry("1", "b", "1"))
    verifier = verifier_of(stack_of(tables), 0, lambda *_: None)
    assert [(kind_of(one), one.participant) for one in verifier.find()] == [
        ("stale", "2"),
        ("missing", "3"),
        ("extra", "5"),
    ]
    assert verifier.loose == 4


# ---------------------------------------------------------------- repair


def sent_by_repair(tables: RecoveryTables, participant: str, board: str) -> dict[str, Any]:
    """The detail of the message that a repair sends for an entry."""
    sqs = FakeQueue()
    stack = stack_of(tables)
    Repair(verifier_of(stack, 0, lambda *_: None), item_reader_of(stack), sqs, CONSUMER_QUEUE).send(
        Difference(participant, board, None, None)
    )
    [(url, body)] = sqs.sent
    assert url == CONSUMER_QUEUE
    detail: dict[str, Any] = json.loads(body)["detail"]
    return detail


def test_a_repair_sends_the_item_with_the_sequence_of_its_entry(tables: RecoveryTables) -> None:
    tables.put("main", entry("1", "b", "5"), entry("1", "c", "6"))
    version = {"sequence": {"S": "7".zfill(40)}, "at": {"S": "2026"}, "stream": {"S": LABEL}}
    tables.put("leaderboard", entry("1", "b", "4") | version)
    detail = sent_by_repair(tables, "1", "b")
    assert (detail["operation"], detail["sequence"], detail["new"]["projectScore"]) == ("READ", "7".zfill(40), 5)
    assert "old" not in detail
    assert sent_by_repair(tables, "1", "c")["sequence"] == "0" * 40


def test_a_repair_sends_only_the_attributes_of_the_entry_so_a_large_item_fits_into_a_message(
    tables: RecoveryTables,
) -> None:
    tables.put("main", entry("1", "b", "5") | {"essay": {"S": "x" * 400_000}})
    assert sent_by_repair(tables, "1", "b")["new"] == {"id": "1", "metadata": "b", "projectScore": 5}


def test_what_a_stack_shows_of_an_item_is_compared_and_repaired_with_the_name(tables: RecoveryTables) -> None:
    tables.put("main", *(entry(at, "b", "5") | {"team": {"S": "Lynx"}, "essay": {"S": "x"}} for at in "12"))
    tables.put("leaderboard", make_item(StoredEntry("1", "b", "7", "2026", "5", attributes=(("team", "Lynx"),))))
    tables.put("leaderboard", make_item(StoredEntry("2", "b", "7", "2026", "5", attributes=(("team", "Ocelot"),))))
    stack = replace(stack_of(tables), attributes=AttributeNames(shown=("team",)))
    [found] = verifier_of(stack, 0, lambda *_: None).find()
    assert str(found) == "b/2 shows 5 (team Ocelot), the main table says 5 (team Lynx)"
    sqs = FakeQueue()
    Repair(verifier_of(stack, 0, lambda *_: None), item_reader_of(stack), sqs, CONSUMER_QUEUE).send(found)
    detail = json.loads(sqs.sent[0][1])["detail"]
    assert detail["new"] == {"id": "2", "metadata": "b", "projectScore": 5, "team": "Lynx"}
    [made] = entries_of(from_detail(detail, STREAM_ARN), stack.attributes)
    assert made.attributes == (("team", "Lynx"),)


def test_columns_are_compared_and_repaired_with_the_score(tables: RecoveryTables) -> None:
    policy = BoardPolicy(then_by="penalty:ascending")
    tables.declare("b", policy)
    tables.put("main", *(entry(at, "b", "5") | {"penalty": {"N": "7"}, "essay": {"S": "x"}} for at in "123"))
    for participant, values in {"1": ("7",), "2": ("8",)}.items():
        key = tie_key(Decimal(5), values, policy, "", "7")
        tables.put("leaderboard", make_item(StoredEntry(participant, "b", "7", "2026", "5", tie_order=key)))
    tables.put("leaderboard", make_item(StoredEntry("3", "b", "7", "2026", "5")))  # from before the board had columns
    stack = stack_of(tables)
    found = list(verifier_of(stack, 0, lambda *_: None).find())
    assert [str(one) for one in found] == [
        "b/2 shows 5, 8, the main table says 5, 7",
        "b/3 shows 5, the main table says 5, 7",
    ]
    sqs = FakeQueue()
    Repair(verifier_of(stack, 0, lambda *_: None), item_reader_of(stack), sqs, CONSUMER_QUEUE).send(found[0])
    detail = json.loads(sqs.sent[0][1])["detail"]
    assert detail["new"] == {"id": "2", "metadata": "b", "projectScore": 5, "penalty": 7}


def test_a_repair_removes_an_entry_without_an_item(tables: RecoveryTables) -> None:
    version = {"sequence": {"S": "7".zfill(40)}, "at": {"S": "2026"}, "stream": {"S": LABEL}}
    tables.put("leaderboard", entry("1", "b", "4") | version)
    detail = sent_by_repair(tables, "1", "b")
    assert "new" not in detail
    made = entries_of(from_detail(detail, STREAM_ARN), AttributeNames())
    assert [(one.key, one.score, one.sequence) for one in made] == [(("1", "b"), None, "7".zfill(40))]


def test_a_repair_waits_while_entries_come_to_agree_and_gives_up_after_a_minute_without_one(
    tables: RecoveryTables,
) -> None:
    tables.put("main", *(entry(at, "b", "1") for at in "123"))
    fake, stack = FakeClock(), stack_of(tables)

    def sleep(seconds: float) -> None:
        fake.sleep(seconds)
        for at, arrives_s in (("1", 50), ("2", 100)):
            if fake.now() > arrives_s:
                tables.put("leaderboard", entry(at, "b", "1"))

    verifier = verifier_of(stack, 0, lambda *_: None)
    repair = Repair(verifier, item_reader_of(stack), FakeQueue(), CONSUMER_QUEUE, Clock(fake.now, sleep))
    for difference in verifier.find():
        repair.send(difference)
    assert [one.participant for one in repair.wait()] == ["3"]
    assert 100 + PATIENCE_S <= fake.now() < 110 + PATIENCE_S
