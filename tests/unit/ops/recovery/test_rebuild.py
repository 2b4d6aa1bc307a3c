"""The index is made right from the entries while the consumer's queue is paused."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.leaderboard.index import shape
from scorecast.leaderboard.index.table import ROOT, Shard, shape_key, shard_item
from scorecast.leaderboard.policy import BoardPolicy, Ties
from scorecast.ops.recovery import new_index
from scorecast.ops.recovery.rebuild import Rebuilt, correct, rebuild
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import Clock
from scorecast.standings import upkeep
from tests.support.fakes import item
from tests.support.index_oracle import read_node
from tests.support.ops_fakes import FakeClock, refusal
from tests.support.repair_system import RepairSystem


class FakeAws(RepairSystem):
    """DynamoDB, Lambda and SQS with entries, old counters, and a mapping that does not change at once.

    `before` receives the name of each call, and may do something else first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.at_work = [2, 0]
        self.log: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        for board, participant, score in ENTRIES:
            self.write(item(participant, board, score), participant, board)
        for collection, board in OLD:  # as version 0.1 wrote them
            key = {"collection": {"S": collection}, "name": {"S": board}}
            self.table.board_items[collection, board] = key | {"node": {"S": "132"}, "b7": {"N": "1"}}
        # By hand: an entry names a range that is not there, and a shape cannot be read.
        self.table.items["1", "StarWar"]["range"] = {"S": "ZZ"}
        self.table.board_items["shape//WarCraft", "WarCraft"] = shape_key("WarCraft", ROOT) | {"version": {"S": "?"}}

    def list_event_source_mappings(self, *, FunctionName: str) -> dict[str, Any]:
        self.before("list")
        return super().list_event_source_mappings(FunctionName=FunctionName)

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:
        self._log("resume" if Enabled else "pause")
        self.mapping.update_event_source_mapping(UUID=UUID, Enabled=Enabled)

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        self._log("look")
        count = self.at_work.pop(0) if len(self.at_work) > 1 else self.at_work[0]
        return {"Attributes": {AttributeNames[0]: str(count)}}

    def scan(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        self._log(f"scan {TableName}")
        return super().scan(TableName=TableName, **request)

    def query(self, *, TableName: str, **request: Any) -> dict[str, Any]:
        self._log(f"query {TableName}")
        return super().query(TableName=TableName, **request)

    def update_item(self, **request: Any) -> dict[str, Any]:
        self._log(f"update {request['TableName']}")
        return super().update_item(**request)

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self._log("write")
        [(table, requests)] = RequestItems.items()
        request, *rest = requests  # the others are unprocessed and have to be sent again
        super().batch_write_item(RequestItems={table: [request]})
        return {"UnprocessedItems": {table: rest} if rest else {}}

    def _log(self, call: str) -> None:
        self.log.append(call)
        self.before(call)


ENTRIES = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("WarCraft", "4", "-0.5")]
OLD = [("counters/3/132.99/StarWar", "StarWar"), ("counters/0//Gone", "Gone"), ("counters/0/132/Gone", "Gone")]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def run(aws: FakeAws, told: list[str] | None = None, on_entries: Callable[[int], None] = lambda _: None) -> Rebuilt:
    tell = (told if told is not None else []).append
    return rebuild(aws.stack, on_entries, tell, Clock(aws.clock.now, aws.clock.sleep))


def run_correct(aws: FakeAws) -> list[str]:
    return correct(aws.stack, lambda _: None, lambda _: None, Clock(aws.clock.now, aws.clock.sleep))


def wrong_total(aws: FakeAws, board: str = "StarWar") -> None:
    """Add to a counter by hand."""
    one = shard_item(board, ROOT, 1, Shard({"0": 5}, 0, 7, "2026-01-01T00:00:00Z"))
    aws.table.board_items[one["collection"]["S"], board] = one


def test_the_counters_count_the_entries_and_stale_ones_are_deleted(aws: FakeAws) -> None:
    read: list[int] = []
    wrong_total(aws)
    del aws.table.board_items["boards", "WarCraft"]
    rebuilt = run(aws, on_entries=read.append)
    assert (rebuilt.boards, rebuilt.entries, sum(read)) == (2, 3, 3)
    assert rebuilt.replaced == ["Gone", "StarWar", "WarCraft"]
    assert aws.table.counted("StarWar") == 2
    assert ("boards", "WarCraft") in aws.table.board_items
    assert not {key for key in OLD if key[0] != "counters/0//Gone"} & set(aws.table.board_items)
    assert ("boards", "Gone") in aws.table.board_items
    aws.table.check()


def test_an_empty_board_is_listed_again_because_a_process_that_knows_it_lists_it_no_more(aws: FakeAws) -> None:
    run(aws)
    for _ in aws.consumers:
        aws.write(item("4", "WarCraft", "7"), "4", "WarCraft")
    aws.write(None, "4", "WarCraft")
    del aws.table.board_items["boards", "WarCraft"]
    assert run_correct(aws) == ["WarCraft"]
    aws.write(item("4", "WarCraft", "7"), "4", "WarCraft")
    assert ("boards", "WarCraft") in aws.table.board_items


def test_a_shard_with_a_negative_number_of_updates_is_corrected_once(aws: FakeAws) -> None:
    run(aws)
    aws.table.board_items["counters/1//StarWar", "StarWar"]["n"] = {"N": "-1"}
    assert [run_correct(aws), run_correct(aws)] == [["StarWar"], []]
    assert int(aws.table.board_items["counters/1//StarWar", "StarWar"]["n"]["N"]) > 0


def test_the_index_of_a_board_that_expires_expires_with_it(aws: FakeAws) -> None:
    policy = BoardPolicy(kept_until="2999-01-01T00:00:00Z")
    aws.table.declare("StarWar", policy)
    run(aws)
    own = [item for (_, board), item in aws.table.board_items.items() if board == "StarWar"]
    late = str((policy.expires_at or 0) + 30 * 24 * 3600)
    expiries = {item["collection"]["S"]: item["expiresAt"]["N"] for item in own}
    policies = dict.fromkeys(["policy/StarWar", "policies"], late)
    assert expiries == dict.fromkeys(expiries, str(policy.expires_at)) | policies
    assert not any("expiresAt" in item for (_, board), item in aws.table.board_items.items() if board != "StarWar")


def test_a_board_that_has_expired_is_not_rebuilt(aws: FakeAws) -> None:
    run(aws)
    wrong_total(aws)
    past = {"expiresAt": {"N": "1577836800"}}
    for items in (aws.table.items, aws.table.board_items):
        items |= {key: item | past for key, item in items.items() if "StarWar" in key}
    before = dict(aws.table.board_items)
    assert (run(aws).replaced, run_correct(aws)) == ([], [])
    assert aws.table.board_items == before


def test_a_board_that_is_right_is_left_alone(aws: FakeAws) -> None:
    run(aws)
    before = dict(aws.table.board_items)
    assert (run(aws).replaced, run_correct(aws)) == ([], [])
    assert aws.table.board_items == before


def test_counting_starts_when_the_queue_is_idle_and_the_queue_resumes_afterwards(aws: FakeAws) -> None:
    run(aws)
    assert aws.log[:4] == ["pause", "look", "look", "scan boards"]
    assert aws.log[-2:] == ["write", "resume"]
    assert aws.mapping.state == "Enabled"


def test_only_the_boards_that_are_wrong_are_corrected(aws: FakeAws) -> None:
    run(aws)
    wrong_total(aws, "WarCraft")
    star_war = aws.table.board_items["counters/0//StarWar", "StarWar"]
    assert run_correct(aws) == ["WarCraft"]
    assert aws.table.counted("WarCraft") == 1
    assert aws.table.board_items["counters/0//StarWar", "StarWar"] is star_war


# ---------------------------------------------------------------- cuts


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, aws: FakeAws) -> FakeAws:
    """A board of 40 entries, ranges of 4, and pages of 3 ranges."""
    sizes = {"RANGE_ENTRIES": 4, "PART_ENTRIES": 2, "MERGED_ENTRIES": 1, "MERGED_RANGES": 2, "PAGE_RANGES": 3}
    for name, value in sizes.items():
        monkeypatch.setattr(shape, name, value)
    monkeypatch.setattr(upkeep, "PAGE_RANGES", sizes["PAGE_RANGES"])
    run(aws)
    aws.log.clear()
    for at in range(40):
        aws.write(item(f"p{at}", "Chess", str(at)), f"p{at}", "Chess")
    return aws


def lose_the_index(aws: FakeAws, board: str) -> None:
    for key in [key for key in aws.table.board_items if key[1] == board and key[0] != "boards"]:
        del aws.table.board_items[key]


def test_a_board_without_a_shape_is_cut_into_ranges_and_pages(small: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_index, "RANGE_ENTRIES", 1)
    rebuilt = run(small)
    assert (rebuilt.replaced, rebuilt.moved) == (["Chess"], 40)
    root = read_node(small.table, "Chess", ROOT).shape
    assert root.is_inner
    assert [len(read_node(small.table, "Chess", page).shape.ids) for page in root.ids] == [4, 4, 4, 4, 4]
    small.table.check()


def test_sound_cuts_are_kept_and_only_misplaced_entries_are_written(small: FakeAws) -> None:
    small.look_after("Chess")
    root = read_node(small.table, "Chess", ROOT).shape
    assert root.is_inner
    del small.table.items["p7", "Chess"]["range"]
    assert run(small).moved == 1
    assert small.log.count("update leaderboard") == 1
    assert "query leaderboard" not in small.log
    assert read_node(small.table, "Chess", ROOT).shape.ids == root.ids
    small.table.check()


@pytest.mark.parametrize("lose", [lose_the_index, lambda aws, board: None], ids=["lost", "kept"])
def test_a_process_that_knows_former_shapes_fails_and_reads_them_again(
    small: FakeAws, lose: Callable[[FakeAws, str], None]
) -> None:
    small.look_after("Chess")
    for at in range(8):  # every process learns the pages
        small.write(item(f"q{at}", "Chess", str(at * 5)), f"q{at}", "Chess")
    lose(small, "Chess")
    if "counters/0//Chess" in {key[0] for key in small.table.board_items}:
        wrong_total(small, "Chess")
    run(small)
    refused: list[str] = []
    before = small.table.transact_write_items

    def watched(**request: Any) -> dict[str, Any]:
        try:
            return before(**request)
        except Exception as error:
            refused.append(str(error))
            raise

    small.table.transact_write_items = watched  # type: ignore[method-assign]
    for at in range(8):
        small.write(item(f"r{at}", "Chess", str(at * 5)), f"r{at}", "Chess")
        small.table.check()
    assert len(refused) >= len(small.consumers)
    small.deliver()
    assert small.waiting == []


def test_a_board_whose_ties_came_into_an_order_is_cut_by_it(small: FakeAws) -> None:
    small.look_after("Chess")
    small.table.declare("Chess", BoardPolicy(ties=Ties.EARLIEST))
    assert not read_node(small.table, "Chess", ROOT).ties
    run(small)
    assert not read_node(small.table, "Chess", ROOT).ties, "no entry has a place among ties yet"
    for at in range(40):  # as a backfill does
        small.write(item(f"p{at}", "Chess", str(at), "new"), f"p{at}", "Chess")
    assert run(small).replaced == ["Chess"]
    assert read_node(small.table, "Chess", ROOT).ties
    small.table.check()


def test_an_entry_that_somebody_edits_meanwhile_is_told(small: FakeAws) -> None:
    small.look_after("Chess")
    del small.table.items["p7", "Chess"]["range"]

    def edit(call: str) -> None:
        if call == "update leaderboard":
            del small.table.items["p7", "Chess"]

    small.before = edit
    with pytest.raises(UserError, match="An entry changed before its index was complete"):
        run(small)
    small.before = lambda _: None
    run(small)
    small.table.check()


# ---------------------------------------------------------------- the mapping


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Disabling", "Updating", "Enabled", "Disabled"])
def test_a_state_that_passes_is_waited_out_and_the_mapping_is_enabled_at_the_end(aws: FakeAws, state: str) -> None:
    aws.mapping.begin(state)
    run(aws)
    assert aws.mapping.state == "Enabled"
    assert "scan leaderboard" in aws.log


def test_an_update_that_lambda_refuses_because_the_mapping_is_busy_is_repeated(aws: FakeAws) -> None:
    aws.mapping.refusals = [refusal("ResourceInUseException"), refusal("TooManyRequestsException")]
    run(aws)
    assert aws.log.count("pause") == 3
    assert aws.mapping.state == "Enabled"


def test_the_mapping_of_another_queue_is_left_alone(aws: FakeAws) -> None:
    aws.mapping.others = ["arn:aws:sqs:us-east-1:123456789012:orders"]
    run(aws)
    assert aws.mapping.updated == ["mapping", "mapping"]


def test_a_mapping_that_is_disabled_already_is_told_and_enabled(aws: FakeAws) -> None:
    aws.mapping.begin("Disabled")
    told: list[str] = []
    run(aws, told)
    assert told == ["The mapping of ConsumerLambda's queue is Disabled already; it will be enabled at the end."]


def test_a_mapping_that_does_not_pause_is_reported(aws: FakeAws) -> None:
    aws.mapping.is_stuck = True
    with pytest.raises(UserError, match="is Enabled after 300 s, not Disabled") as error:
        run(aws)
    assert error.value.exit_code == ExitCode.TIMED_OUT


def test_a_mapping_that_cannot_be_enabled_is_reported_with_the_command(aws: FakeAws) -> None:
    def deny(call: str) -> None:
        if call == "resume":
            raise refusal("AccessDeniedException", "not yours")

    aws.before = deny
    with pytest.raises(UserError, match=r"aws lambda update-event-source-mapping --uuid mapping --enabled") as error:
        run(aws)
    assert error.value.exit_code == ExitCode.DENIED


def test_the_queue_resumes_after_a_failure_too(aws: FakeAws) -> None:
    def fail(_: int) -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the test's own
        run(aws, on_entries=fail)
    assert aws.mapping.state == "Enabled"


def test_counters_are_not_written_if_somebody_enabled_the_mapping_during_the_count(aws: FakeAws) -> None:
    def enable(call: str) -> None:
        if call == "scan leaderboard":
            aws.mapping.begin("Enabled")

    aws.before = enable
    with pytest.raises(UserError, match="became Enabled before the index was complete"):
        run(aws)
    assert set(OLD) <= set(aws.table.board_items)


# ---------------------------------------------------------------- Ctrl-C


def calls_of_a_run() -> list[str]:
    aws = FakeAws()
    calls: list[str] = []
    aws.before = calls.append
    run(aws)
    return calls


@pytest.mark.parametrize("signals", [1, 3])
@pytest.mark.parametrize("number", range(len(calls_of_a_run())))
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_at_any_call_leaves_the_mapping_enabled_and_the_next_run_corrects_the_rest(
    kind: signal.Signals, number: int, signals: int
) -> None:
    aws, seen = FakeAws(), [0]

    def interrupt(_: str) -> None:
        if number <= seen[0] < number + signals:
            signal.raise_signal(kind)
        seen[0] += 1

    aws.before = interrupt
    former = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises((KeyboardInterrupt, UserError)) as error:
        run(aws)
    assert not isinstance(error.value, UserError) or error.value.exit_code == ExitCode.INTERRUPTED
    assert aws.mapping.state == "Enabled"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == former
    aws.before = lambda _: None
    run(aws)
    aws.table.check()


def test_ctrl_c_ends_a_long_pause_at_once(aws: FakeAws) -> None:
    aws.at_work = [1]

    def sleep(seconds: float) -> None:
        aws.clock.sleep(seconds)
        if aws.clock.now() > 10 and "resume" not in aws.log:
            signal.raise_signal(signal.SIGINT)

    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        rebuild(aws.stack, lambda _: None, told.append, Clock(aws.clock.now, sleep))
    assert told == ["Stopping: ConsumerLambda's queue is being enabled again, which can take a minute."]
    assert aws.mapping.state == "Enabled"
    assert aws.clock.now() < 20  # of the 35 seconds that the pause may take
    assert not any(call.startswith("scan") for call in aws.log)
