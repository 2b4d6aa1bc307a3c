"""Consumers: created, updated and removed as a whole, or not at all."""

import json
from dataclasses import replace
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.consumers.fifo import is_named_by_change
from scorecast.ops.consumers.rules import Consumers, ConsumerSpec, consumers_of
from scorecast.ops.stack.arn import Arn, read_arn
from scorecast.ops.stack.exit_codes import ExitCode
from tests.support.ops_fakes import (
    ACCOUNT,
    DLQ,
    FUNCTION,
    QUEUE,
    ROLE,
    TOPIC,
    FakeFunctions,
    FakeQueues,
    FakeRules,
    FakeTopics,
    fake_stack,
    refusal,
)

PATTERN = '{"source":["update.aws.dynamodb"]}'
RULE = "fanout-consumer-high"
RULE_ARN = ACCOUNT.format("events", f"rule/fanoutBus/{RULE}")
FAILURES = ACCOUNT.format("sqs", "failures")


class World:
    """A bus with the stack's own rules, and the resources that consumers reach."""

    def __init__(self) -> None:
        self.rules = FakeRules()
        self.queues = FakeQueues()
        self.topics = FakeTopics()
        self.functions = FakeFunctions()
        for name in ("fanout-BackupRule-1", "fanout-LeaderboardRule-2", "audit"):
            self.rules.put_rule(Name=name, EventPattern=PATTERN, State="ENABLED")
            self.rules.targets[name] = [{"Id": "own", "Arn": ACCOUNT.format("sqs", "own")}]
        self.before = self.state()

    @property
    def consumers(self) -> Consumers:
        return consumers_of(fake_stack(events=self.rules, sqs=self.queues, sns=self.topics, lambda_=self.functions))

    def state(self) -> str:
        """The whole state, for comparisons."""
        targets = {rule: targets for rule, targets in self.rules.targets.items() if targets}
        policies = [self.queues.policies, self.topics.policy, self.functions.permissions]
        return json.dumps([self.rules.rules, targets, policies], sort_keys=True)

    def target(self, rule: str = RULE) -> dict[str, Any]:
        [target] = self.rules.targets[rule]
        return target


@pytest.fixture
def world() -> World:
    return World()


def consumer(target: str = QUEUE, **more: Any) -> ConsumerSpec:
    return replace(ConsumerSpec("high", PATTERN, read_arn(target)), **more)


# ---------------------------------------------------------------- add


def test_a_queue_gets_a_rule_a_target_and_a_statement_for_that_rule_alone(world: World) -> None:
    assert world.consumers.add(consumer())
    assert world.rules.rules[RULE]["EventPattern"] == PATTERN
    assert world.target() == {"Id": "consumer", "Arn": QUEUE, "DeadLetterConfig": {"Arn": DLQ}}
    [statement] = world.queues.statements("orders")
    assert statement["Sid"] == f"scorecast-{RULE}"
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": RULE_ARN}}


def test_a_function_is_permitted_to_be_invoked_by_that_rule(world: World) -> None:
    world.consumers.add(consumer(FUNCTION))
    permission = world.functions.permissions[RULE]
    assert (permission["Principal"], permission["SourceArn"]) == ("events.amazonaws.com", RULE_ARN)


def test_a_topics_statement_has_no_condition_because_eventbridge_knows_none_there(world: World) -> None:
    world.topics.policy = json.dumps({"Version": "2008-10-17", "Statement": {"Sid": "default", "Effect": "Allow"}})
    world.consumers.add(consumer(TOPIC))
    policy = json.loads(world.topics.policy)
    assert policy["Version"] == "2008-10-17"
    assert policy["Statement"][0] == {"Sid": "default", "Effect": "Allow"}
    assert policy["Statement"][1]["Action"] == "sns:Publish"
    assert "Condition" not in policy["Statement"][1]


@pytest.mark.parametrize(
    ("target", "parameters"),
    [
        (ACCOUNT.format("firehose", "deliverystream/archive"), {}),
        (ACCOUNT.format("states", "stateMachine:review"), {}),
        (
            ACCOUNT.format("kinesis", "stream/changes"),
            {"KinesisParameters": {"PartitionKeyPath": "$.detail.keys.id"}},
        ),
    ],
)
def test_other_targets_are_reached_with_the_stacks_role(world: World, target: str, parameters: dict[str, Any]) -> None:
    world.consumers.add(consumer(target))
    assert (
        world.target()
        == {
            "Id": "consumer",
            "Arn": target,
            "DeadLetterConfig": {"Arn": DLQ},
            "RoleArn": ROLE,
        }
        | parameters
    )


def test_a_consumer_may_have_its_own_role_retry_limits_and_dead_letter_queue(world: World) -> None:
    stream = ACCOUNT.format("kinesis", "stream/changes")
    role = Arn("aws", "iam", "", "123456789012", "role/mine")
    world.consumers.add(consumer(stream, role=role, retries=3, max_age_s=600, dead_letters=read_arn(FAILURES)))
    assert world.target()["RoleArn"] == str(role)
    assert world.target()["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600}
    assert world.target()["DeadLetterConfig"] == {"Arn": FAILURES}
    [statement] = world.queues.statements("failures")
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": RULE_ARN}}


@pytest.mark.parametrize(
    ("fifo_by", "group"), [(None, "high"), ("item", "$.detail.keys.id"), ("board", "$.detail.keys.metadata")]
)
def test_a_fifo_queue_gets_a_message_group_and_events_that_are_named_by_their_change(
    world: World, fifo_by: str | None, group: str
) -> None:
    world.queues.policies["orders.fifo"] = ""
    world.consumers.add(consumer(QUEUE + ".fifo", fifo_by=fifo_by))
    assert world.target()["SqsParameters"] == {"MessageGroupId": group}
    assert is_named_by_change(world.target())


def test_a_fifo_queue_that_does_not_deduplicate_by_content_is_refused_before_anything_is_done(world: World) -> None:
    world.queues.policies["orders.fifo"] = ""
    world.queues.deduplicates = False
    with pytest.raises(UserError, match="set ContentBasedDeduplication=true on it"):
        world.consumers.add(consumer(QUEUE + ".fifo"))
    assert RULE not in world.rules.rules


def test_a_fifo_queue_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(UserError, match=r"There is no arn:\S+orders.fifo"):
        world.consumers.add(consumer(QUEUE + ".fifo"))


@pytest.mark.parametrize("target", [QUEUE, TOPIC, FUNCTION])
def test_adding_again_changes_nothing(world: World, target: str) -> None:
    assert world.consumers.add(consumer(target))
    once = world.state()
    assert not world.consumers.add(consumer(target))
    assert world.state() == once


def test_an_update_keeps_a_disabled_rule_disabled(world: World) -> None:
    world.consumers.add(consumer())
    world.rules.rules[RULE]["State"] = "DISABLED"
    world.consumers.add(consumer(pattern='{"source":["x"]}'))
    assert world.rules.rules[RULE]["State"] == "DISABLED"
    assert world.rules.rules[RULE]["EventPattern"] == '{"source":["x"]}'


def test_another_target_leaves_no_permission_at_the_former_one(world: World) -> None:
    world.consumers.add(consumer(QUEUE, dead_letters=read_arn(FAILURES)))
    world.consumers.add(consumer(FUNCTION))
    assert world.target()["Arn"] == FUNCTION
    assert world.queues.statements("orders") == world.queues.statements("failures") == []


# ---------------------------------------------------------------- what goes wrong


def test_a_refused_target_leaves_nothing(world: World) -> None:
    world.rules.refuse["put_targets"] = refusal("ValidationException")
    for target in (QUEUE, TOPIC, FUNCTION):
        with pytest.raises(Exception, match="ValidationException"):
            world.consumers.add(consumer(target, dead_letters=read_arn(FAILURES)))
        assert world.state() == world.before


def test_a_target_that_eventbridge_reports_as_failed_leaves_nothing(world: World) -> None:
    world.rules.failed_entries = [{"ErrorCode": "ConcurrentModification", "ErrorMessage": "try again"}]
    with pytest.raises(UserError, match=r"refuses the target .*orders \(ConcurrentModification: try again\)"):
        world.consumers.add(consumer())
    assert world.state() == world.before


@pytest.mark.parametrize("target", [ACCOUNT.format("sqs", "missing"), TOPIC + "x", FUNCTION + ":live"])
def test_a_missing_target_leaves_nothing(world: World, target: str) -> None:
    with pytest.raises(UserError, match=f"There is no {target}: check the name"):
        world.consumers.add(consumer(target))
    assert world.state() == world.before


def test_a_failed_update_leaves_the_consumer_as_it_was(world: World) -> None:
    world.consumers.add(consumer())
    standing = world.state()
    world.rules.refuse["put_targets"] = refusal("ValidationException")
    with pytest.raises(Exception, match="ValidationException"):
        world.consumers.add(consumer(FUNCTION, pattern='{"source":["x"]}', dead_letters=read_arn(FAILURES)))
    assert world.state() == standing


def test_a_failed_update_restores_the_former_statement(world: World) -> None:
    changed = {"Sid": f"scorecast-{RULE}", "Effect": "Allow", "Resource": "*"}
    world.queues.policies["orders"] = json.dumps({"Statement": [changed]})
    world.rules.refuse["put_targets"] = refusal("ValidationException")
    with pytest.raises(Exception, match="ValidationException"):
        world.consumers.add(consumer())
    assert world.queues.statements("orders") == [changed]


def test_a_step_that_cannot_be_undone_is_reported(world: World) -> None:
    world.rules.refuse = {"put_targets": refusal("ValidationException"), "delete_rule": refusal("AccessDenied")}
    with pytest.raises(UserError, match=r"Some earlier steps could not be undone: You may not call"):
        world.consumers.add(consumer())


def test_a_pattern_that_eventbridge_refuses_is_one_sentence(world: World) -> None:
    world.rules.refuse["put_rule"] = refusal("InvalidEventPatternException", "Event pattern is not valid.\n at line 1")
    with pytest.raises(UserError, match=r"refuses this pattern: Event pattern is not valid\. at line 1"):
        world.consumers.add(consumer())


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"name": "a b"}, "is not valid: use letters, digits, - and _"),
        ({"name": ""}, "is not valid: use letters, digits, - and _"),
        ({"name": "x" * 60}, "is too long: it may have 48 characters"),
        ({"dead_letters": read_arn(QUEUE)}, "cannot take dead letters"),
        ({"dead_letters": read_arn(QUEUE + ".fifo")}, "cannot take dead letters"),
        ({"fifo_by": "item"}, "is not a FIFO queue: omit --fifo-by"),
        ({"dead_letters": read_arn(TOPIC)}, "cannot take dead letters"),
        ({"role": read_arn(ROLE)}, "omit --role-arn"),
    ],
)
def test_an_invalid_consumer_is_refused_before_any_call(world: World, wanted: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says) as error:
        world.consumers.add(consumer(**wanted))
    assert error.value.exit_code == ExitCode.USAGE
    assert world.state() == world.before


@pytest.mark.parametrize("text", ["", "orders", "arn:aws:sqs", "arn:aws::us-east-1:1:x", "https://sqs/1/orders"])
def test_text_that_is_not_an_arn_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not an ARN, such as arn:aws:sqs"):
        read_arn(text)


# ---------------------------------------------------------------- list and remove


def test_the_list_distinguishes_added_built_in_and_other_rules(world: World) -> None:
    world.consumers.add(consumer())
    rules = world.consumers.list_rules()
    assert [(world.consumers.name_of(rule), rule.origin) for rule in rules] == [
        ("audit", "other"),
        ("fanout-BackupRule-1", "built-in"),
        ("fanout-LeaderboardRule-2", "built-in"),
        ("high", "added"),
    ]
    assert rules[-1].targets[0]["Arn"] == QUEUE


@pytest.mark.parametrize("target", [QUEUE, TOPIC, FUNCTION, ACCOUNT.format("kinesis", "stream/changes")])
def test_removing_undoes_everything_that_adding_did(world: World, target: str) -> None:
    mine = {"Sid": "mine", "Effect": "Deny"}
    world.queues.policies["orders"] = json.dumps({"Version": "2012-10-17", "Statement": [mine]})
    world.before = world.state()
    world.consumers.add(consumer(target, dead_letters=read_arn(FAILURES)))
    world.consumers.remove("high")
    if target == TOPIC:
        assert world.topics.policy == ""
    assert world.state() == world.before


def test_the_stacks_own_rules_cannot_be_removed(world: World) -> None:
    for name in ("fanout-BackupRule-1", "BackupRule-1", "audit"):
        with pytest.raises(UserError, match="There is no consumer"):
            world.consumers.remove(name)
    assert world.state() == world.before


def test_an_unknown_consumer_names_the_existing_ones(world: World) -> None:
    with pytest.raises(UserError, match=r"There is no consumer 'low' \(none was added yet\)"):
        world.consumers.remove("low")
    world.consumers.add(consumer())
    with pytest.raises(UserError, match=r"There is no consumer 'low' \(there are high\)"):
        world.consumers.remove("low")


def test_a_consumer_with_a_deleted_target_can_be_removed(world: World) -> None:
    world.consumers.add(consumer(dead_letters=read_arn(FAILURES)))
    del world.queues.policies["orders"]
    world.consumers.remove("high")
    assert RULE not in world.rules.rules
    assert world.queues.statements("failures") == []


def test_a_permission_that_cannot_be_removed_is_reported(world: World) -> None:
    world.consumers.add(consumer(FUNCTION))
    world.functions.refuse_removal = refusal("AccessDeniedException", "not yours")
    with pytest.raises(UserError, match=f"the permission of {RULE} at {FUNCTION} could not be removed: not yours"):
        world.consumers.remove("high")
    assert RULE not in world.rules.rules
