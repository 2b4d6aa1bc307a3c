"""The template keeps its promises: no resource vanishes unnoticed, and nothing is open by mistake."""

from collections import Counter
from typing import Any

import pytest

from scorecast.leaderboard.display import ATTRIBUTE_NAME_CHARACTERS, ATTRIBUTES_MAX
from scorecast.ops.dead_letters.formats import STORED_PREFIX
from scorecast.runtime.settings import (
    AnnouncementSettings,
    ApiSettings,
    ConsumerSettings,
    FanoutSettings,
    UpkeepSettings,
)
from scorecast.standings.announce.standing_event import SOURCE
from tests.support.template import RESOURCES, ROOT, TEMPLATE, created_before, of_type, translated


def test_no_resource_vanishes_unnoticed() -> None:
    assert Counter(one["Type"] for one in RESOURCES.values()) == {
        "AWS::Serverless::Function": 3,
        "AWS::Serverless::Api": 1,
        "AWS::DynamoDB::Table": 3,
        "AWS::Events::EventBus": 1,
        "AWS::Events::Rule": 3,
        "AWS::SQS::Queue": 2,
        "AWS::SQS::QueuePolicy": 2,
        "AWS::KinesisFirehose::DeliveryStream": 1,
        "AWS::S3::Bucket": 1,
        "AWS::S3::BucketPolicy": 1,
        "AWS::IAM::Role": 8,
        "AWS::Scheduler::Schedule": 1,
        "AWS::IAM::ManagedPolicy": 1,
        "AWS::Logs::LogGroup": 4,
        "AWS::Logs::LogStream": 1,
        "AWS::CloudWatch::Alarm": 35,
        "AWS::CloudWatch::Dashboard": 1,
        "AWS::ApiGateway::ApiKey": 1,
        "AWS::ApiGateway::UsagePlan": 1,
        "AWS::ApiGateway::UsagePlanKey": 1,
        "AWS::CloudFront::CachePolicy": 1,
        "AWS::CloudFront::Distribution": 1,
    }


def test_the_promised_parameters_and_outputs_are_there() -> None:
    assert TEMPLATE["Parameters"]["EventBusName"]["Default"] == "fanoutBus"
    assert TEMPLATE["Parameters"]["DynamoDBStreamArn"]["Default"] == ""
    assert "EventBridgeMaxAttempt" in TEMPLATE["Parameters"]
    promised = [
        "FanoutLambdaName",
        "ConsumerLambdaName",
        "FanoutDlqUrl",
        "LeaderGet",
        "LeaderGetIamRole",
        "LeaderGetApi",
    ]
    assert set(promised) <= TEMPLATE["Outputs"].keys()
    assert TEMPLATE["Outputs"]["LeaderGetApi"]["Value"]["Sub"].endswith("/Prod/leaderBoard/")


@pytest.mark.parametrize(
    ("function", "settings"),
    [
        ("FanoutLambda", FanoutSettings),
        ("ConsumerLambda", ConsumerSettings),
        ("ConsumerLambda", AnnouncementSettings),
        ("ConsumerLambda", UpkeepSettings),
        ("LeaderGet", ApiSettings),
    ],
)
def test_a_function_gets_every_variable_that_it_reads(function: str, settings: Any) -> None:
    variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    read = settings.from_environment(dict.fromkeys(variables, "4"))
    assert read


def test_the_display_attributes_are_as_few_and_short_as_an_answer_has_room_for() -> None:
    name = f"[A-Za-z0-9_.-]{{1,{ATTRIBUTE_NAME_CHARACTERS}}}"
    allowed = f"^$|^{name}(,{name}){{0,{ATTRIBUTES_MAX - 1}}}$"
    assert TEMPLATE["Parameters"]["ShowAttributes"]["AllowedPattern"] == allowed


@pytest.mark.parametrize("role", [*of_type("AWS::IAM::Role"), *of_type("AWS::IAM::ManagedPolicy")])
def test_a_policy_names_actions_and_resources(role: str) -> None:
    properties = RESOURCES[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    cannot_be_limited = {"dynamodb:ListStreams", "events:ListRules", "events:TestEventPattern"}
    for statement in (one for document in documents for one in document["Statement"]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not any("*" in action for action in actions)
        assert statement["Resource"] != "*" or set(actions) <= cannot_be_limited


def test_everything_at_rest_is_encrypted() -> None:
    # DynamoDB encrypts every table; SSEEnabled would choose the KMS key aws/dynamodb, which is billed per request.
    assert not any("SSESpecification" in table for table in of_type("AWS::DynamoDB::Table").values())
    assert all(queue["SqsManagedSseEnabled"] for queue in of_type("AWS::SQS::Queue").values())
    assert RESOURCES["BackupBucket"]["Properties"]["BucketEncryption"]
    assert RESOURCES["BackupStream"]["Properties"]["DeliveryStreamEncryptionConfigurationInput"]


def test_no_bucket_is_public_and_every_log_expires() -> None:
    assert all(RESOURCES["BackupBucket"]["Properties"]["PublicAccessBlockConfiguration"].values())
    assert all(group["RetentionInDays"] for group in of_type("AWS::Logs::LogGroup").values())


# The rules of the stack's bus. GivenUpRule is of the account's own bus, and its target is the dead-letter queue itself.
BUS_RULES = {name: rule for name, rule in of_type("AWS::Events::Rule").items() if name != "GivenUpRule"}


@pytest.mark.parametrize("rule", BUS_RULES)
def test_every_rules_target_has_a_retry_policy_and_a_dead_letter_queue(rule: str) -> None:
    assert "EventBusName" in BUS_RULES[rule]
    for target in BUS_RULES[rule]["Targets"]:
        assert target["DeadLetterConfig"]["Arn"] == {"GetAtt": "FanoutDlq.Arn"}
        assert target["RetryPolicy"]


@pytest.mark.parametrize("function", of_type("AWS::Serverless::Function"))
def test_every_functions_failed_asynchronous_invocations_go_to_the_dead_letter_queue(function: str) -> None:
    destination = RESOURCES[function]["Properties"]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
    assert destination == {"Type": "SQS", "Destination": {"GetAtt": "FanoutDlq.Arn"}}


def statements_for_services() -> list[dict[str, Any]]:
    """The statements of queues' and buckets' policies that admit an AWS service."""
    policies = of_type("AWS::SQS::QueuePolicy") | of_type("AWS::S3::BucketPolicy")
    statements = [one for policy in policies.values() for one in policy["PolicyDocument"]["Statement"]]
    return [one for one in statements if one["Effect"] == "Allow"]


def test_a_service_is_admitted_only_for_rules_of_this_bus_and_of_this_stack() -> None:
    assert statements_for_services()
    for statement in statements_for_services():
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        [(operator, keys)] = statement["Condition"].items()
        assert operator in ("ArnEquals", "ArnLike")
        source = keys["aws:SourceArn"]
        of_bus = {"Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${EventBusName}/*"}
        assert source in ({"GetAtt": "LeaderboardRule.Arn"}, [of_bus, {"GetAtt": "GivenUpRule.Arn"}])


@pytest.mark.parametrize("kind", ["SQS::Queue", "S3::Bucket"])
def test_every_queue_and_bucket_refuses_requests_without_tls(kind: str) -> None:
    guarded = []
    for policy in of_type(f"AWS::{kind}Policy").values():
        [denied] = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        assert denied["Principal"] == "*"
        assert denied["Action"] in ("sqs:*", "s3:*")
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        guarded += [one["Ref"] for one in policy.get("Queues", [policy.get("Bucket")])]
    assert sorted(guarded) == sorted(of_type(f"AWS::{kind}"))


@pytest.mark.parametrize("role", of_type("AWS::IAM::Role"))
def test_only_functions_or_this_account_can_assume_a_role(role: str) -> None:
    [trust] = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    key = "sts:ExternalId" if trust["Principal"] == {"Service": "firehose.amazonaws.com"} else "aws:SourceAccount"
    ours = {"StringEquals": {key: {"Ref": "AWS::AccountId"}}}
    assert (
        trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        or trust["Principal"] == {"AWS": {"Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
        or trust.get("Condition") == ours
    )


def test_every_exception_from_a_linters_rule_has_a_reason() -> None:
    skipped = [one for resource in RESOURCES.values() for one in _checkov(resource).get("skip", [])]
    assert skipped
    assert all(len(one["comment"]) > 20 for one in skipped)


def _checkov(resource: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = resource.get("Metadata", {}).get("checkov", {})
    return found


def test_the_streams_trigger_keeps_the_batches_that_it_gives_up_and_the_dead_letter_queue_names_them() -> None:
    trigger = RESOURCES["FanoutLambda"]["Properties"]["Events"]["MainTableStream"]["Properties"]
    assert trigger["DestinationConfig"]["OnFailure"] == {"Type": "S3", "Destination": {"GetAtt": "BackupBucket.Arn"}}
    bucket, rule = RESOURCES["BackupBucket"]["Properties"], of_type("AWS::Events::Rule")["GivenUpRule"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    about = {"bucket": {"name": [{"Ref": "BackupBucket"}]}, "object": {"key": [{"prefix": STORED_PREFIX}]}}
    assert rule["EventPattern"] == {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": about}
    [target] = rule["Targets"]
    assert target["Arn"] == {"GetAtt": "FanoutDlq.Arn"}
    assert "EventBusName" not in rule  # events of AWS's services are on the account's own bus only


def test_nothing_of_a_batch_goes_to_a_bucket_that_somebody_else_made_under_the_name_of_a_deleted_one() -> None:
    for role in ("FanoutRole", "BackupStreamRole"):
        [policy] = RESOURCES[role]["Properties"]["Policies"]
        writes = [one for one in policy["PolicyDocument"]["Statement"] if "s3:PutObject" in one["Action"]]
        assert writes
        for statement in writes:
            assert statement["Condition"] == {"StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_age_ends_the_attempts_of_the_streams_trigger() -> None:
    """A bus that is busy for an hour makes every attempt of a batch fail."""
    trigger = RESOURCES["FanoutLambda"]["Properties"]["Events"]["MainTableStream"]["Properties"]
    assert trigger["MaximumRetryAttempts"] == -1
    assert trigger["MaximumRecordAgeInSeconds"] == {"Ref": "StreamRecordMaxAge"}


def test_the_stream_is_read_only_after_the_bus_can_deliver() -> None:
    [mapping] = [name for name, one in translated().items() if is_stream_mapping(one)]
    needed = {
        "BackupRule",
        "GivenUpRule",
        "LeaderboardRule",
        "ConsumerQueuePolicy",
        "FanoutDlqPolicy",
        "BackupBucketPolicy",
    }
    assert needed <= created_before(mapping)


def is_stream_mapping(resource: dict[str, Any]) -> bool:
    is_mapping = resource["Type"] == "AWS::Lambda::EventSourceMapping"
    return is_mapping and "StartingPosition" in resource["Properties"]


def test_a_functions_log_group_is_made_before_the_function() -> None:
    for function in of_type("AWS::Serverless::Function"):
        [group] = [
            name
            for name in created_before(function)
            if translated()[name]["Type"] == "AWS::Logs::LogGroup"
            and str(translated()[name]["Properties"].get("LogGroupName", "")).endswith(f"/{function}'}}")
        ]
        assert RESOURCES[function]["Properties"]["LoggingConfig"] == {"LogGroup": {"Ref": group}}


def test_a_change_reaches_the_consumer_at_once_unless_the_operator_asks_for_a_window() -> None:
    mapping = RESOURCES["ConsumerLambda"]["Properties"]["Events"]["Changes"]["Properties"]
    assert mapping["BatchSize"] == {"If": ["GathersBatches", 1000, 10]}
    assert mapping["MaximumBatchingWindowInSeconds"] == {"Ref": "ConsumerBatchingWindow"}
    assert TEMPLATE["Parameters"]["ConsumerBatchingWindow"]["Default"] == 0
    assert TEMPLATE["Conditions"]["GathersBatches"] == {"Not": [{"Equals": [{"Ref": "ConsumerBatchingWindow"}, 0]}]}


def test_a_busy_board_makes_no_dead_letters() -> None:
    queue = of_type("AWS::SQS::Queue")["ConsumerQueue"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 100
    assert queue["VisibilityTimeout"] == 6 * RESOURCES["ConsumerLambda"]["Properties"]["Timeout"]


def test_the_consumer_leaves_room_in_a_new_accounts_concurrency_of_10() -> None:
    mapping = RESOURCES["ConsumerLambda"]["Properties"]["Events"]["Changes"]["Properties"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ConsumerMaxConcurrency"}}
    assert TEMPLATE["Parameters"]["ConsumerMaxConcurrency"]["Default"] <= 5


def test_a_dead_letter_is_kept_for_at_least_ten_days() -> None:
    queues = of_type("AWS::SQS::Queue")
    longest = queues["FanoutDlq"]["MessageRetentionPeriod"]
    assert longest - queues["ConsumerQueue"]["MessageRetentionPeriod"] >= 10 * 86_400


RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("alarm", of_type("AWS::CloudWatch::Alarm"))
def test_every_alarm_is_in_the_runbook_with_its_metric(alarm: str) -> None:
    properties = RESOURCES[alarm]["Properties"]
    [row] = [line for line in RUNBOOK.splitlines() if f"`{alarm}`" in line.partition(" | ")[0]]
    assert f"{properties['Namespace']} `{properties['MetricName']}`" in row
    assert properties["AlarmActions"] == properties["OKActions"] == [{"Ref": "AlarmTopicArn"}]


def test_an_alarm_on_duration_rings_at_four_fifths_of_the_timeout() -> None:
    for function, properties in of_type("AWS::Serverless::Function").items():
        alarm = RESOURCES[f"{function}DurationAlarm"]["Properties"]
        assert alarm["Threshold"] == properties["Timeout"] * 800


def test_each_function_and_each_rule_has_its_alarms() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm")
    for function in of_type("AWS::Serverless::Function"):
        assert {
            f"{function}{kind}Alarm" for kind in ("Errors", "Throttles", "Duration", "Destination")
        } <= alarms.keys()
    assert "GivenUpRuleDeliveryAlarm" in alarms
    for rule in BUS_RULES:
        assert {f"{rule}{kind}Alarm" for kind in ("Delivery", "DeadLetterLoss", "Throttle")} <= alarms.keys()


def test_whatever_the_prefix_the_stacks_own_resources_are_no_targets() -> None:
    """An explicit denial wins, also with an empty ConsumerTargetPrefix."""
    functions = [{"GetAtt": f"{name}.Arn"} for name in of_type("AWS::Serverless::Function")]
    functions += [{"Sub": f"${{{name}.Arn}}:*"} for name in of_type("AWS::Serverless::Function")]
    queues = [{"GetAtt": f"{name}.Arn"} for name in of_type("AWS::SQS::Queue")]
    stream = {"GetAtt": "BackupStream.Arn"}
    [document] = [one["PolicyDocument"] for one in of_type("AWS::IAM::ManagedPolicy").values()]
    denied = {one["Sid"]: one for one in document["Statement"] if one["Effect"] == "Deny"}
    assert in_order(denied["KeepTheFunctionsPermissions"]["Resource"]) == in_order(functions)
    assert in_order(denied["KeepTheQueuesPolicies"]["Resource"]) == in_order(queues)
    targets = denied["KeepTheStackOutOfTargets"]["Condition"]["ForAnyValue:ArnLike"]["events:TargetArn"]
    assert in_order(targets) == in_order([*functions, *queues, stream])
    [policy] = RESOURCES["ConsumerTargetRole"]["Properties"]["Policies"]
    [kept] = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert kept["Resource"] == stream


def in_order(values: list[Any]) -> list[str]:
    return sorted(map(str, values))


def test_only_a_stack_that_wants_metrics_sends_them() -> None:
    assert TEMPLATE["Parameters"]["Metrics"]["Default"] == "false"
    for function in ("FanoutLambda", "ConsumerLambda"):
        variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
        assert variables["METRICS_STACK"] == {"If": ["HasMetrics", {"Ref": "AWS::StackName"}, {"Ref": "AWS::NoValue"}]}


def test_the_cost_that_callers_can_cause_is_bounded() -> None:
    [method] = RESOURCES["LeaderApi"]["Properties"]["MethodSettings"]
    assert method["ThrottlingRateLimit"] == {"Ref": "ApiRateLimit"}
    bounds = {"MaxReadRequestUnits": {"Ref": "MaxReadUnits"}, "MaxWriteRequestUnits": {"Ref": "MaxWriteUnits"}}
    for name in ("LeaderboardTable", "BoardTable"):
        table = RESOURCES[name]["Properties"]
        for one in (table, *table.get("GlobalSecondaryIndexes", [])):
            assert one["OnDemandThroughput"] == bounds


def test_a_page_of_another_site_can_read_the_gateways_errors() -> None:
    for answer in RESOURCES["LeaderApi"]["Properties"]["GatewayResponses"].values():
        assert answer["ResponseParameters"]["Headers"]["Access-Control-Allow-Origin"] == "'*'"


def test_users_data_outlives_the_stack() -> None:
    for name in ("MainTable", "BackupBucket"):
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
        assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_stacks_own_rules_match_changes_and_no_standing_events() -> None:
    sources = [rule["EventPattern"]["source"] for rule in BUS_RULES.values()]
    assert SOURCE not in [source for some in sources for source in some]


def test_a_change_of_who_may_read_the_api_is_deployed() -> None:
    # SAM compares the text of the definition, in which ApiAccess is only a condition.
    assert RESOURCES["LeaderApi"]["Properties"]["AlwaysDeploy"] is True


def test_everything_but_the_page_and_preflights_needs_the_key_or_a_signature() -> None:
    paths = RESOURCES["LeaderApi"]["Properties"]["DefinitionBody"]["paths"]
    secured = {path: {name for name, one in methods.items() if "security" in one} for path, methods in paths.items()}
    any_method = "x-amazon-apigateway-any-method"
    assert secured == {"/": {any_method}, "/{proxy+}": {any_method}}
    assert "NeedsKey" not in str(paths["/"])
