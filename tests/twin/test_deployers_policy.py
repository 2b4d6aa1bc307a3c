"""The policy of docs/security.md for deployers: who has it, and nothing else, can deploy and delete the stack."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scorecast.twin import deployment
from scorecast.twin.instance import bin_dir
from tests.support.deployed import Stack, copy_of
from tests.support.documented_policies import Environment, documented_policy, someone_with, without

pytestmark = pytest.mark.slow

MADE = "of-deployers"


@pytest.fixture(scope="module")
def own(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A twin on which only these tests deploy."""
    with copy_of(made, tmp_path_factory.mktemp("deployers") / "copy") as stack:
        yield stack


def sam(stack: Stack, who: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the SAM CLI as somebody."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    more = {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0", "AWS_CONFIG_FILE": os.devnull}
    more["SAM_CLI_POLL_DELAY"] = str(deployment.SAM_POLL_S)
    command = [str(bin_dir() / "sam"), *arguments, "--stack-name", MADE, "--config-env", "none"]
    at: dict[str, Any] = {"cwd": stack.twin.root, "env": environment | more | who, "stdin": subprocess.DEVNULL}
    return subprocess.run(command, **at, capture_output=True, text=True)


def deploy(stack: Stack, who: Environment) -> subprocess.CompletedProcess[str]:
    return sam(
        stack,
        who,
        *("deploy", "--template-file", str(stack.build_dir / "template.yaml"), "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "--parameter-overrides", f"EventBusName={MADE}"),
        *("--no-confirm-changeset", "--no-progressbar", "--force-upload"),
    )


def status(stack: Stack) -> str | None:
    found = stack.client("cloudformation").list_stacks()["StackSummaries"]
    states = [one["StackStatus"] for one in found if one["StackName"] == MADE]
    return next((state for state in states if state not in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS")), None)


@pytest.mark.parametrize("sid", ["Stacks", "Packages"])
def test_without_a_statement_of_the_deployers_policy_sam_is_refused(own: Stack, sid: str) -> None:
    policy = documented_policy("Deployers", MADE, bus=MADE)
    done = deploy(own, someone_with(own, without(policy, sid)))
    assert done.returncode != 0
    assert "AccessDenied" in done.stdout + done.stderr or "not authorized" in done.stdout + done.stderr
    assert status(own) is None


def test_a_stack_of_another_name_is_not_the_deployers(own: Stack) -> None:
    done = deploy(own, someone_with(own, documented_policy("Deployers", "another", bus=MADE)))
    assert done.returncode != 0
    assert status(own) is None


def test_the_deployers_policy_is_enough_to_deploy_and_to_delete(own: Stack) -> None:
    deployer = someone_with(own, documented_policy("Deployers", MADE, bus=MADE))
    done = deploy(own, deployer)
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(own) == "CREATE_COMPLETE"
    done = sam(own, deployer, "delete", "--no-prompts", "--region", "us-east-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert status(own) is None
