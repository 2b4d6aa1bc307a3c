"""The stack on the twin: the SAM CLI builds and deploys it, only when something has changed."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scorecast.bundles import recipe
from scorecast.bundles.sources import is_installed
from scorecast.errors import UserError
from scorecast.ops.stack.local_engine import local_url
from scorecast.ops.stack.polling import poll_until
from scorecast.twin.instance import Twin, bin_dir, without_aws

# A tag of the stack holds the hash of its sources, so that both are saved and lost together.
SOURCE_TAG = "scorecast:source"
COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
# The engine takes as long for a batch of 10 changes as for one of hundreds, and its batches never wait for a window.
PARAMETERS = ("ConsumerBatchingWindow=1",)
# A deployment takes seconds; one that makes no progress for longer than this was interrupted together with its engine.
PROGRESS_DEADLINE_S = 30.0
# How long `sam deploy` waits between polls of the stack; its default of 5 s is for AWS's rate limits.
SAM_POLL_S = 0.2


@dataclass(frozen=True)
class StackState:
    """What CloudFormation reports about the stack; `status` is None if there is no stack."""

    status: str | None = None
    source: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        return self.status in COMPLETE

    @property
    def is_changing(self) -> bool:
        """Whether an operation is in progress; a stack in review has not had one yet."""
        return (self.status or "").endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


def describe(twin: Twin) -> StackState:
    """Ask CloudFormation for the stack."""
    try:
        found = twin.client("cloudformation").describe_stacks(StackName=twin.stack)["Stacks"][0]
    except (ClientError, BotoCoreError):
        return StackState()
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
    return StackState(found["StackStatus"], tags.get(SOURCE_TAG, ""), outputs)


# ---------------------------------------------------------------- build and deploy


def build(twin: Twin) -> None:
    """Bundle the functions: with `sam build` in a clone; an installed Scorecast gets the same result without make."""
    if is_installed():
        build_without_make(twin)
    elif shutil.which("make"):
        _sam(twin, "build")
    else:
        raise UserError("`sam build` needs make: install it (apt-get install make; on macOS xcode-select --install).")


def build_without_make(twin: Twin) -> None:
    """Do what `sam build` does: bundle each function by the recipe, and write the template that names the bundles."""
    shutil.rmtree(twin.build, ignore_errors=True)
    for function in recipe.FOLDERS:
        recipe.bundle(function, twin.build / function, twin.sources.pins, packages_of(twin))
    _write_template(twin)


def _write_template(twin: Twin) -> None:
    # Imported late: it takes half a second, and only a build needs it.
    from samcli.yamlhelper import yaml_dump, yaml_parse

    template: Any = yaml_parse(twin.sources.template.read_text(encoding="utf-8"))
    for function in recipe.FOLDERS:
        resource = template["Resources"][function]
        resource["Properties"]["CodeUri"] = function
        resource["Metadata"]["SamResourceId"] = function
    (twin.build / "template.yaml").write_text(yaml_dump(template), encoding="utf-8")


def deploy(twin: Twin, source: str) -> None:
    """Create or update the stack, and tag it with the hash of its sources."""
    _sam(
        twin,
        *("deploy", "--template-file", str(_json_template(twin)), "--use-json"),
        *("--stack-name", twin.stack, "--capabilities", "CAPABILITY_IAM", "--resolve-s3"),
        *("--parameter-overrides", *PARAMETERS),
        *("--tags", f"{SOURCE_TAG}={source}"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
    )


def _json_template(twin: Twin) -> Path:
    """Write the built template as JSON too: the SAM CLI parses it several times, which takes a second with YAML."""
    import yaml  # comes with the SAM CLI; imported late, because only a deployment needs it

    built = (twin.build / "template.yaml").read_text(encoding="utf-8")
    template = twin.build / "template.json"
    template.write_text(json.dumps(yaml.load(built, getattr(yaml, "CSafeLoader", yaml.SafeLoader))), encoding="utf-8")
    return template


def run_sam(twin: Twin, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the SAM CLI of this environment against the twin, in its folder."""
    command = [str(bin_dir() / "sam"), *arguments]
    try:
        return subprocess.run(
            command, cwd=twin.root, env=_environment(twin), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        install = "install Scorecast with pipx" if is_installed() else "`make up` installs it"
        raise UserError(f"There is no {command[0]}: {install}.") from error


def _sam(twin: Twin, verb: str, *arguments: str) -> None:
    """Run a step and keep its output in a file; if it fails, the error quotes the lines that say why."""
    # A section that samconfig.toml does not have, because what `sam deploy --guided` writes there is for AWS.
    done = run_sam(twin, verb, "--config-env", "twin", *arguments)
    log = twin.state_dir / f"sam-{verb}.log"
    log.write_text(done.stdout + done.stderr)
    if done.returncode:
        raise UserError(f"`sam {verb}` failed: {_reason(done)} (all of it: {log})")


def _environment(twin: Twin) -> dict[str, str]:
    """Return the user's environment without AWS settings, and with this environment's `python3` and `sam` first."""
    return {
        **without_aws(os.environ),
        **twin.environment(),
        "PACKAGES": str(packages_of(twin)),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": f"{bin_dir()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": str(SAM_POLL_S),
    }


def packages_of(twin: Twin) -> Path:
    """Return the folder that keeps the functions' packages between builds; other pins get another folder."""
    pins = hashlib.sha256(twin.sources.pins.read_bytes()).hexdigest()[:16]
    return twin.build.parent / f"packages-{pins}"


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the lines of sam's output that say what went wrong."""
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|fail|not found|denied", line, re.IGNORECASE)]
    return " ".join((telling or lines or ["it printed nothing"])[-2:])


# ---------------------------------------------------------------- interrupted deployments


def delete_unfinished(twin: Twin) -> str:
    """Delete a stack that an interrupted deployment left unusable; return a remark, or an empty string."""
    state = _await_rest(twin)
    if state.status is None or state.is_complete:
        return ""
    twin.client("cloudformation").delete_stack(StackName=twin.stack)
    if _await_rest(twin).status not in (None, "DELETE_COMPLETE"):
        raise UserError(
            f"The stack is {state.status} and cannot be deleted: `rm -r {twin.state_dir}` starts from nothing."
        )
    return f"An earlier deployment was interrupted ({state.status}), so the stack was deleted and created again."


def _await_rest(twin: Twin) -> StackState:
    """Wait while an operation on the stack is in progress; after the deadline, it is taken to be dead."""
    state = StackState()
    for _ in poll_until(PROGRESS_DEADLINE_S, pause_s=0.2, longest_pause_s=0.2):
        state = describe(twin)
        if not state.is_changing:
            break
    return state


# ---------------------------------------------------------------- addresses


def local_outputs(state: StackState, twin: Twin) -> dict[str, str]:
    """The stack's outputs, with its URLs changed to open on this machine."""
    return {key: local_url(value, twin.endpoint) for key, value in state.outputs.items()}
