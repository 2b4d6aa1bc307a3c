"""`scorecast replay`: what it counts, sends and says when it ends early."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scorecast.cli import app
from scorecast.cli import replay as command
from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.ops_fakes import (
    ACCOUNT,
    FUNCTION,
    FakeFunctions,
    FakeQueues,
    FakeRules,
    FakeS3,
    FakeTopics,
    fake_stack,
)
from tests.support.ops_fakes import refusal as refused

RULE = "fanout-consumer-winners"
KEYS = [f"changes/2026/01/31/{hour:02}/a" for hour in (8, 9)]
TIMES = ("--from", "2026-01-31T08:00:00Z", "--to", "2026-01-31T10:00:00Z")


def event(kind: str, hour: int) -> bytes:
    return json.dumps({"detail-type": kind, "time": f"2026-01-31T{hour:02}:30:00Z", "detail": {"id": kind}}).encode()


class Functions(FakeFunctions):
    """Functions that note what they are invoked with; they fail with `error` at the call number `fails_at`."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Any] = []
        self.fails_at, self.error = 0, BaseException()

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: bytes) -> None:
        assert (FunctionName, InvocationType) == (FUNCTION, "Event")
        if len(self.taken) + 1 == self.fails_at:
            raise self.error
        self.taken.append(json.loads(Payload)["detail-type"])


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def rules() -> FakeRules:
    rules = FakeRules()
    rules.put_rule(Name=RULE, EventPattern='{"detail-type": ["INSERT"]}', State="ENABLED")
    rules.targets[RULE] = [{"Id": "consumer", "Arn": FUNCTION}]
    return rules


@pytest.fixture(autouse=True)
def stack(rules: FakeRules, functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = FakeS3(dict(zip(KEYS, (event("INSERT", 8) + event("MODIFY", 8), event("INSERT", 9)), strict=True)))
    made = fake_stack(s3=s3, events=rules, lambda_=functions, sqs=FakeQueues(), sns=FakeTopics())
    monkeypatch.setattr(command, "open_stack", lambda _: made)


def run(*arguments: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(app, ["replay", "--consumer", "winners", *TIMES, *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


def test_it_sends_what_the_consumers_pattern_matches(functions: Functions) -> None:
    assert run().stdout == "Changes of that time in the backup: 3. Sent to winners: 2.\n"
    assert functions.taken == ["INSERT", "INSERT"]


def test_a_dry_run_says_what_would_be_sent(functions: Functions) -> None:
    assert json.loads(run("--dry-run", "--json").stdout) == {
        "consumer": "winners",
        "dryRun": True,
        "events": 3,
        "matched": 2,
        "sent": 0,
    }
    assert functions.taken == []


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (KeyboardInterrupt(), "Stopped.", ExitCode.INTERRUPTED),
        (refused("AccessDenied"), "You may not call Operation", ExitCode.DENIED),
    ],
)
def test_a_run_that_ends_early_says_how_to_go_on(
    functions: Functions, error: BaseException, said: str, code: ExitCode
) -> None:
    functions.fails_at, functions.error = 2, error
    with pytest.raises(UserError, match=said) as raised:
        run()
    times = "--from 2026-01-31T08:00:00+00:00 --to 2026-01-31T10:00:00+00:00"
    assert str(raised.value).endswith(f"Sent so far: 1. To continue, run it again with {times} --after {KEYS[0]}")
    assert raised.value.exit_code == code


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(UserError, match="must be before --to"):
        run("--to", "2026-01-31T07:00:00Z")


def test_a_target_whose_rule_changes_the_events_is_refused_before_anything_is_read(rules: FakeRules) -> None:
    rules.targets[RULE][0]["InputPath"] = "$.detail"
    with pytest.raises(UserError, match="The rule transforms the events") as raised:
        run()
    assert "To go on" not in str(raised.value)


def test_a_rule_without_a_target_is_refused_since_nothing_would_be_sent(rules: FakeRules) -> None:
    del rules.targets[RULE]
    with pytest.raises(UserError, match=f"The rule {RULE} has no target"):
        run()


def test_a_target_that_is_gone_is_named(rules: FakeRules) -> None:
    rules.targets[RULE][0]["Arn"] = ACCOUNT.format("sqs", "gone")
    with pytest.raises(UserError, match="There is no arn:aws:sqs:us-east-1:123456789012:gone: check the name"):
        run()


def test_a_consumer_that_is_not_there_is_named(rules: FakeRules) -> None:
    del rules.rules[RULE]
    with pytest.raises(UserError, match="There is no consumer 'winners'"):
        run()
