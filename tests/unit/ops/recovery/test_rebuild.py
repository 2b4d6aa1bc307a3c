"""The counters are counted again from the entries while the consumer's queue is paused."""

import signal
from collections.abc import Callable
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.recovery.rebuild import correct, rebuild
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.polling import Clock
from scorecast.ops.stack.stack import Stack
from tests.support.mapping_fakes import FakeMapping
from tests.support.ops_fakes import FakeClock, entry, fake_target, refusal


class FakeAws:
    """DynamoDB, Lambda and SQS with entries, old counters, and a mapping that does not change at once.

    `before` receives the name of each call, and may do something else first.
    """

    def __init__(self, entries: list[tuple[str, str, str]], counters: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.entries, self.counters = entries, counters
        self.mapping = FakeMapping()
        self.clock = FakeClock()
        self.at_work = [2, 0]
        self.log: list[str] = []
        self.before: Callable[[str], None] = lambda _: None

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:
        self.before("list")
        return self.mapping.list_event_source_mappings(FunctionName=FunctionName)

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:
        self._log("resume" if Enabled else "pause")
        self.mapping.update_event_source_mapping(UUID=UUID, Enabled=Enabled)

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        self._log("look")
        count = self.at_work.pop(0) if len(self.at_work) > 1 else self.at_work[0]
        return {"Attributes": {AttributeNames[0]: str(count)}}

    def scan(self, TableName: str, ExclusiveStartKey: int = 0, **request: Any) -> dict[str, Any]:
        self._log(f"scan {TableName}")
        if TableName != "LeaderboardTableName":
            wanted = "counters/" if "begins_with" in request["FilterExpression"] else ""
            found = {key: item for key, item in self.counters.items() if key[0].startswith(wanted)}
            keys = {key: {"collection": {"S": key[0]}, "name": {"S": key[1]}} for key in found}
            return {"Items": [keys[key] | item for key, item in found.items()]}
        entries = [entry(participant, board, score) for board, participant, score in self.entries]
        if ExclusiveStartKey:
            return {"Items": entries[ExclusiveStartKey:]}
        return {"Items": entries[:1], "LastEvaluatedKey": 1}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self._log("write")
        [(table, requests)] = RequestItems.items()
        request, *rest = requests  # the others are unprocessed and have to be sent again
        if "PutRequest" in request:
            item = request["PutRequest"]["Item"]
            self.counters[item["collection"]["S"], item["name"]["S"]] = item
        else:
            key = request["DeleteRequest"]["Key"]
            del self.counters[key["collection"]["S"], key["name"]["S"]]
        return {"UnprocessedItems": {table: rest} if rest else {}}

    def _log(self, call: str) -> None:
        self.log.append(call)
        self.before(call)


def stack_of(aws: FakeAws) -> Stack:
    outputs = {name: name for name in ("LeaderboardTableName", "BoardTableName", "ConsumerLambdaName")}
    outputs["ConsumerQueueUrl"] = "https://sqs/123456789012/consumer"
    return Stack(fake_target(dynamodb=aws, lambda_=aws, sqs=aws), "fanout", outputs)


ENTRIES = [("StarWar", "1", "60"), ("StarWar", "2", "90"), ("WarCraft", "4", "-0.5")]
OLD = [("counters/3/132.99/StarWar", "StarWar"), ("counters/0//Gone", "Gone")]


def old_counters() -> dict[tuple[str, str], dict[str, Any]]:
    return {key: {"node": {"S": key[0].split("/")[2]}, "at": {"S": "2026"}} for key in OLD}


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(list(ENTRIES), old_counters())


def run(aws: FakeAws, told: list[str] | None = None, on_entries: Callable[[int], None] = lambda _: None) -> Any:
    tell = (told if told is not None else []).append
    return rebuild(stack_of(aws), on_entries, tell, Clock(aws.clock.now, aws.clock.sleep))


def test_the_counters_count_the_entries_and_stale_ones_are_deleted(aws: FakeAws) -> None:
    read: list[int] = []
    rebuilt = run(aws, on_entries=read.append)
    assert (rebuilt.boards, rebuilt.entries, sum(read)) == (2, 3, 3)
    assert aws.counters["counters/0//StarWar", "StarWar"]["b132"] == {"N": "2"}
    assert ("boards", "WarCraft") in aws.counters
    assert not set(OLD) & set(aws.counters)


def test_counting_starts_when_the_queue_is_idle_and_the_queue_resumes_afterwards(aws: FakeAws) -> None:
    run(aws)
    assert aws.log[:4] == ["pause", "look", "look", "scan LeaderboardTableName"]
    assert aws.log[-2:] == ["write", "resume"]
    assert aws.mapping.state == "Enabled"


def test_only_the_boards_that_are_wrong_are_corrected(aws: FakeAws) -> None:
    run(aws)
    aws.counters["counters/1//WarCraft", "WarCraft"] = {"node": {"S": ""}, "at": {"S": "2026"}, "b0": {"N": "1"}}
    del aws.counters["boards", "WarCraft"]
    star_war = aws.counters["counters/0//StarWar", "StarWar"]
    clock = Clock(aws.clock.now, aws.clock.sleep)
    assert correct(stack_of(aws), lambda _: None, lambda _: None, clock) == ["WarCraft"]
    assert ("counters/1//WarCraft", "WarCraft") not in aws.counters
    assert ("boards", "WarCraft") in aws.counters
    assert aws.counters["counters/0//StarWar", "StarWar"] is star_war
    assert correct(stack_of(aws), lambda _: None, lambda _: None, clock) == []


# ---------------------------------------------------------------- the mapping


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Disabling", "Updating", "Enabled", "Disabled"])
def test_a_state_that_passes_is_waited_out_and_the_mapping_is_enabled_at_the_end(aws: FakeAws, state: str) -> None:
    aws.mapping.begin(state)
    run(aws)
    assert aws.mapping.state == "Enabled"
    assert "scan LeaderboardTableName" in aws.log


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
        if call == "scan LeaderboardTableName":
            aws.mapping.begin("Enabled")

    aws.before = enable
    with pytest.raises(UserError, match="became Enabled before the counters were complete"):
        run(aws)
    assert aws.counters == old_counters()


# ---------------------------------------------------------------- Ctrl-C


def calls_of_a_run() -> list[str]:
    aws = FakeAws(list(ENTRIES), old_counters())
    calls: list[str] = []
    aws.before = calls.append
    run(aws)
    return calls


@pytest.mark.parametrize("signals", [1, 3])
@pytest.mark.parametrize("number", range(len(calls_of_a_run())))
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_at_any_call_leaves_the_mapping_enabled(kind: signal.Signals, number: int, signals: int) -> None:
    aws, seen = FakeAws(list(ENTRIES), old_counters()), [0]

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


def test_ctrl_c_ends_a_long_pause_at_once(aws: FakeAws) -> None:
    aws.at_work = [1]

    def sleep(seconds: float) -> None:
        aws.clock.sleep(seconds)
        if aws.clock.now() > 10 and "resume" not in aws.log:
            signal.raise_signal(signal.SIGINT)

    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        rebuild(stack_of(aws), lambda _: None, told.append, Clock(aws.clock.now, sleep))
    assert told == ["Stopping: ConsumerLambda's queue is being enabled again, which can take a minute."]
    assert aws.mapping.state == "Enabled"
    assert aws.clock.now() < 20  # of the 35 seconds that the pause may take
    assert not any(call.startswith("scan") for call in aws.log)
