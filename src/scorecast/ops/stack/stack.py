"""Stack: a deployed Scorecast that commands talk to. Target: where it is, on the local twin or on AWS.

The target is the twin unless something points at AWS: --profile or --region, or AWS_PROFILE or AWS_ACCESS_KEY_ID in the
environment without AWS_ENDPOINT_URL. Each refusal is a sentence with its own exit code: options that contradict each
other or the environment, an engine that is not running, an unknown stack, profile or region, and credentials that are
missing, expired or denied.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, UnknownRegionError
from botocore.parsers import ResponseParserError

from scorecast.changes.claim_store import ClaimStore
from scorecast.errors import UserError
from scorecast.ops.stack.aws_errors import aws_code_of, explained, message_of
from scorecast.ops.stack.exit_codes import ExitCode
from scorecast.ops.stack.json_client import json_client_of
from scorecast.ops.stack.local_engine import CREDENTIALS, REGION, local_url, typed
from scorecast.runtime.settings import AttributeNames, Bus, read_names

DEFAULT_STACK = "fanout"

FindEndpoint = Callable[[int | None], str]
"""Returns the twin's URL: on the given port, or wherever this clone's twin is."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options that select a stack; None for options that the user did not give."""

    stack: str = DEFAULT_STACK
    profile: str | None = None
    region: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint and its credentials; `endpoint` is None on AWS."""

    session: boto3.Session
    endpoint: str | None = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def engine(self) -> str:
        """`twin` or `aws`."""
        return "twin" if self.endpoint else "aws"

    def client(self, service: str) -> Any:
        """Return the client of a service; it is created once."""
        if service not in self._clients:
            self._clients[service] = self.session.client(  # type: ignore[call-overload]
                service, endpoint_url=self.endpoint, config=self._config()
            )
        return self._clients[service]

    def json_client(self, service: str) -> Any:
        """Return a client that reads many items quickly; it is created once."""
        name = f"{service} json"
        if name not in self._clients:
            self._clients[name] = json_client_of(self.client(service), self.session.get_credentials())
        return self._clients[name]

    def _config(self) -> Config:
        if self.endpoint is None:
            return Config(retries={"mode": "standard", "total_max_attempts": 5}, max_pool_connections=20)
        # Loopback needs no proxy, and only AWS gives each bucket a host name.
        return Config(
            connect_timeout=2,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=20,
            proxies={},
            s3={"addressing_style": "path"},
        )


@dataclass(frozen=True, slots=True)
class Stack:
    """A deployed stack; `outputs` are the template's, by key."""

    target: Target
    name: str
    outputs: Mapping[str, str]
    attributes: AttributeNames = AttributeNames()  # noqa: RUF009 - frozen itself

    def client(self, service: str) -> Any:
        """Return the client of a service; it is created once."""
        return self.target.client(service)

    def json_client(self, service: str) -> Any:
        """Return a client that reads many items quickly; it is created once."""
        return self.target.json_client(service)

    def output(self, key: str) -> str:
        """Return an output of the template."""
        if key not in self.outputs:
            raise UserError(
                f"The stack {self.name!r} has no output {key}: deploy this version of Scorecast to it, or add --stack.",
                ExitCode.UNKNOWN_STACK,
            )
        return self.outputs[key]

    @property
    def bus(self) -> Bus:
        """The bus to which the stack publishes changes."""
        return Bus(self.output("BusName"), self.output("BackupBucketName"), self.attributes)

    @property
    def claims(self) -> ClaimStore:
        """The store of images that are too large for the bus."""
        return ClaimStore(lambda: self.client("s3"))

    @property
    def api_url(self) -> str:
        """The API's root URL as it opens on this machine; it ends in a slash."""
        url = self.output("LeaderGetApi").removesuffix("leaderBoard/")
        return local_url(url, self.target.endpoint) if self.target.endpoint else url


def find_stack(options: Options, environment: Mapping[str, str], find_endpoint: FindEndpoint) -> Stack:
    """Find the stack that the options and the environment select."""
    return describe_stack(find_target(options, environment, find_endpoint), options.stack)


def find_target(options: Options, environment: Mapping[str, str], find_endpoint: FindEndpoint) -> Target:
    """Find the engine or the AWS account that they select, without calling it."""
    _refuse_contradiction(options, environment)
    endpoint = _endpoint(options, environment, find_endpoint)
    with explained():
        if endpoint is None:
            return Target(_aws_session(options))
        return Target(_twin_session(environment), endpoint)


def describe_stack(target: Target, name: str) -> Stack:
    """Read a stack's outputs and parameters."""
    with explained():
        description = _describe(target, name)
    if "Outputs" not in description:
        status = description.get("StackStatus", "not known")
        raise UserError(f"The stack {name!r} is not deployed yet: its status is {status}.", ExitCode.UNKNOWN_STACK)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
    parameters = {given["ParameterKey"]: given["ParameterValue"] for given in description.get("Parameters", [])}
    return Stack(target, name, outputs, _attributes(parameters))


def _refuse_contradiction(options: Options, environment: Mapping[str, str]) -> None:
    """Refuse options for AWS together with settings for the twin, because neither may win silently."""
    option = "--profile" if options.profile else "--region" if options.region else None
    if option is None:
        return
    if options.port is not None:
        raise UserError(f"--port means the local twin and {option} means AWS: omit one of them.", ExitCode.USAGE)
    if endpoint := environment.get("AWS_ENDPOINT_URL"):
        raise UserError(
            f"{option} means AWS, but AWS_ENDPOINT_URL is set to {endpoint}: unset it, or omit {option}.",
            ExitCode.USAGE,
        )


def _endpoint(options: Options, environment: Mapping[str, str], find_endpoint: FindEndpoint) -> str | None:
    """Return the twin's URL, or None for AWS."""
    if options.port is not None:
        return find_endpoint(options.port)
    if endpoint := environment.get("AWS_ENDPOINT_URL"):
        return endpoint.rstrip("/")
    is_aws = options.profile or options.region or environment.get("AWS_PROFILE") or environment.get("AWS_ACCESS_KEY_ID")
    return None if is_aws else find_endpoint(None)


def _aws_session(options: Options) -> boto3.Session:
    session = boto3.Session(profile_name=options.profile, region_name=options.region)
    if session.region_name:
        _check_region(session, session.region_name)
    return session


def _check_region(session: boto3.Session, region: str) -> None:
    """Refuse a region with a malformed name; a region that is newer than the SDK passes."""
    try:
        session.get_partition_for_region(region)
    except UnknownRegionError:
        known = session.get_available_regions("dynamodb")
        near = difflib.get_close_matches(region, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"for example {REGION}."
        raise UserError(f"There is no AWS region {region!r}: {hint}", ExitCode.UNKNOWN_PLACE) from None


def _twin_session(environment: Mapping[str, str]) -> boto3.Session:
    """Use the credentials given with AWS_ENDPOINT_URL (of an assumed role, for example), else the engine's own."""
    if environment.get("AWS_ENDPOINT_URL") and environment.get("AWS_ACCESS_KEY_ID"):
        given = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        return boto3.Session(region_name=given or REGION)
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def _describe(target: Target, name: str) -> dict[str, Any]:
    try:
        stacks = target.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ResponseParserError:
        raise _stranger(target) from None
    except ClientError as error:
        if target.endpoint and aws_code_of(error).isdigit():  # an AWS engine never sends an HTTP status as the code
            raise _stranger(target) from None
        if aws_code_of(error) == "ValidationError" and "does not exist" in message_of(error):
            raise UserError(_unknown_stack(target, name), ExitCode.UNKNOWN_STACK) from None
        raise
    return dict(stacks[0])


def _stranger(target: Target) -> UserError:
    address = target.endpoint or "AWS's address"
    start = f"choose another port with --port, and start it with `{typed('up')}`"
    return UserError(
        f"The program at {address} is not the engine: {start}.",
        ExitCode.ENGINE_NOT_RUNNING,
    )


def _unknown_stack(target: Target, name: str) -> str:
    place = f"at {target.endpoint}" if target.endpoint else f"in {target.session.region_name}"
    deploy = f"`{typed('up')}` deploys it" if target.endpoint else "`sam build && sam deploy --guided` deploys it"
    others = _stack_names(target)
    there = f", but {', '.join(others)}: choose one with --stack" if others else ""
    return f"There is no stack {name!r} {place}{there}; {deploy}."


def _stack_names(target: Target) -> list[str]:
    """List the names of all stacks except SAM's own; empty if the credentials do not allow listing."""
    try:
        pages = target.client("cloudformation").get_paginator("describe_stacks").paginate()
        names = [stack["StackName"] for page in pages for stack in page["Stacks"]]
    except ClientError:
        return []
    return sorted(name for name in names if not name.startswith("aws-sam-cli-managed"))


def _attributes(parameters: Mapping[str, str]) -> AttributeNames:
    """Return the attribute names that the stack was deployed with."""
    default = AttributeNames()
    return AttributeNames(
        id=parameters.get("IdAttribute", default.id),
        metadata=parameters.get("MetadataAttribute", default.metadata),
        score=parameters.get("ScoreAttribute", default.score),
        board=parameters.get("BoardAttribute", default.board),
        name=parameters.get("NameAttribute", default.name),
        shown=read_names(parameters.get("ShowAttributes", "")),
    )
