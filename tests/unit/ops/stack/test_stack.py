"""Which stack the options select, where it is, and the errors if it is missing."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from scorecast.errors import UserError
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.local_engine import endpoint_on
from scorecast.ops.stack.stack import Options, Stack, describe_stack, find_target
from tests.support.ops_fakes import OUTPUTS, Pages, fake_target, refusal


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")


class FakeCloudFormation:
    """Stacks by name; `refuse` is raised by every call."""

    def __init__(self, *stacks: dict[str, Any], refuse: Exception | None = None) -> None:
        self.stacks = {stack["StackName"]: stack for stack in stacks}
        self.refuse = refuse

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if self.refuse:
            raise self.refuse
        if StackName not in self.stacks:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")
        return {"Stacks": [self.stacks[StackName]]}

    def get_paginator(self, _: str) -> Any:
        if not self.stacks:
            raise refusal("AccessDenied")
        return Pages("Stacks", list(self.stacks.values()))


def deployed(name: str, **parameters: str) -> dict[str, Any]:
    return {
        "StackName": name,
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }


# ---------------------------------------------------------------- where


def find_endpoint(port: int | None) -> str:
    """A twin that runs on port 4566."""
    return endpoint_on(port or 4566)


@pytest.mark.parametrize(
    ("options", "environment", "endpoint"),
    [
        (Options(), {}, "http://127.0.0.1:4566"),
        (Options(port=5001), {"AWS_ACCESS_KEY_ID": "AKIA"}, "http://127.0.0.1:5001"),
        (
            Options(),
            {"AWS_ENDPOINT_URL": "http://localhost:4566/", "AWS_ACCESS_KEY_ID": "test"},
            "http://localhost:4566",
        ),
        (Options(port=5001), {"AWS_ENDPOINT_URL": "http://localhost:4566"}, "http://127.0.0.1:5001"),
        (Options(), {"AWS_REGION": "eu-west-1"}, "http://127.0.0.1:4566"),
        (Options(), {"AWS_ACCESS_KEY_ID": "AKIA"}, None),
        (Options(), {"AWS_PROFILE": "work"}, None),
        (Options(region="eu-west-1"), {}, None),
    ],
)
def test_the_twin_is_the_target_unless_something_points_at_aws(
    options: Options, environment: dict[str, str], endpoint: str | None
) -> None:
    target = find_target(options, environment, find_endpoint)
    assert target.endpoint == endpoint
    assert target.engine == ("twin" if endpoint else "aws")


@pytest.mark.parametrize("options", [Options(profile="work"), Options(region="eu-west-1")])
def test_options_that_mean_aws_are_refused_beside_what_means_the_twin(options: Options) -> None:
    with pytest.raises(UserError, match="means AWS, but AWS_ENDPOINT_URL is set to http:") as error:
        find_target(options, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, find_endpoint)
    assert error.value.exit_code == ExitCode.USAGE
    with pytest.raises(UserError, match="--port means the local twin and --"):
        find_target(replace(options, port=5000), {}, find_endpoint)


def test_the_twin_uses_the_engines_own_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    credentials = find_target(Options(port=5000), {}, find_endpoint).session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "test"


def test_credentials_beside_an_endpoint_are_used_there(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "of a role"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    environment = given | {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "eu-west-1"}
    target = find_target(Options(), environment, find_endpoint)
    credentials = target.session.get_credentials()
    assert credentials is not None
    assert credentials.token == "of a role"
    assert target.session.region_name == "eu-west-1"


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(UserError, match=r"profile \(nowhere\)") as error:
        find_target(Options(profile="nowhere"), {}, find_endpoint)
    assert error.value.exit_code == ExitCode.UNKNOWN_PLACE


def test_an_unknown_region_suggests_a_similar_one() -> None:
    with pytest.raises(UserError, match="There is no AWS region 'eu-west': did you mean eu-west-") as error:
        find_target(Options(region="eu-west"), {}, find_endpoint)
    assert error.value.exit_code == ExitCode.UNKNOWN_PLACE


def test_a_client_is_created_once() -> None:
    target = find_target(Options(port=5000), {}, find_endpoint)
    assert target.client("sqs") is target.client("sqs")


# ---------------------------------------------------------------- the stack


def test_a_stack_has_its_outputs_and_the_attribute_names_it_was_deployed_with() -> None:
    cloudformation = FakeCloudFormation(deployed("fanout", ScoreAttribute="points", EventBusName="b"))
    stack = describe_stack(fake_target(cloudformation=cloudformation), "fanout")
    assert stack.output("MainTableName") == "main"
    assert (stack.attributes.score, stack.attributes.board) == ("points", "hackathonName")


def test_on_aws_the_apis_address_is_unchanged() -> None:
    stack = Stack(fake_target(), "fanout", OUTPUTS)
    assert stack.api_url == "https://abc123.execute-api.us-east-1.amazonaws.com/Prod/"


def test_on_the_twin_the_apis_address_has_its_port() -> None:
    stack = Stack(fake_target("http://127.0.0.1:4566"), "fanout", OUTPUTS)
    assert stack.api_url.startswith("http://127.0.0.1:4566/")
    assert stack.api_url.endswith("abc123/Prod/")


def test_an_unknown_stack_names_the_existing_ones_but_sams_own() -> None:
    cloudformation = FakeCloudFormation(deployed("live"), deployed("aws-sam-cli-managed-default"))
    with pytest.raises(UserError) as error:
        describe_stack(fake_target("http://127.0.0.1:4566", cloudformation=cloudformation), "fanout")
    assert str(error.value) == (
        "There is no stack 'fanout' at http://127.0.0.1:4566, but live: choose one with --stack; `make up` deploys it."
    )
    assert error.value.exit_code == ExitCode.UNKNOWN_STACK


def test_an_unknown_stack_is_named_even_if_stacks_cannot_be_listed() -> None:
    with pytest.raises(UserError, match="There is no stack 'fanout' in us-east-1; `sam build") as error:
        describe_stack(fake_target(cloudformation=FakeCloudFormation()), "fanout")
    assert error.value.exit_code == ExitCode.UNKNOWN_STACK


def test_a_stack_without_outputs_is_not_deployed_yet() -> None:
    cloudformation = FakeCloudFormation({"StackName": "fanout", "StackStatus": "CREATE_IN_PROGRESS"})
    with pytest.raises(UserError, match="its status is CREATE_IN_PROGRESS"):
        describe_stack(fake_target(cloudformation=cloudformation), "fanout")


def test_a_missing_output_says_what_to_do() -> None:
    with pytest.raises(UserError, match="The stack 'fanout' has no output Nonsense: deploy this version"):
        Stack(fake_target(), "fanout", OUTPUTS).output("Nonsense")


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/"), ExitCode.ENGINE_NOT_RUNNING, "`make up`"),
        (refusal("404", "Not Found"), ExitCode.ENGINE_NOT_RUNNING, "is not the engine"),
        (refusal("ExpiredToken"), ExitCode.DENIED, "have expired"),
        (refusal("AccessDenied", operation="DescribeStacks"), ExitCode.DENIED, "You may not call DescribeStacks"),
        (refusal("Throttling"), ExitCode.FAILED, "Throttling"),
    ],
)
def test_each_failure_has_its_sentence_and_exit_code(
    raised: ClientError | EndpointConnectionError, code: ExitCode, says: str
) -> None:
    target = fake_target("http://127.0.0.1:4566", cloudformation=FakeCloudFormation(refuse=raised))
    with pytest.raises(UserError) as error:
        describe_stack(target, "fanout")
    assert says in str(error.value)
    assert error.value.exit_code == code
