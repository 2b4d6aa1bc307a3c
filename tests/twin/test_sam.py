"""The SAM CLI's commands work against the twin as the README shows them."""

import json
import re
import shutil
import uuid
from dataclasses import replace
from importlib.metadata import distributions
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from scorecast.bundles.recipe import FOLDERS
from scorecast.twin.deployment import build_without_make, packages_of
from tests.support.deployed import Stack, copy_repository, events_in_backup
from tests.support.pipeline import Json, judge
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


def invoke(stack: Stack, function: str, file: Path) -> Json:
    """Invoke a function with a file as the README shows; return its answer."""
    printed = stack.sam(
        "remote", "invoke", function, "--stack-name", "fanout", "--event-file", str(file), "--output", "json"
    )
    response = json.loads(printed[printed.index("{") :])
    return dict(json.loads(response["Payload"]))


def test_the_template_is_valid(stack: Stack) -> None:
    assert "is a valid SAM Template" in stack.sam("validate", "--lint")


def test_fanout_publishes_the_sample_batch(stack: Stack) -> None:
    assert invoke(stack, "FanoutLambda", ROOT / "events" / "dynamodbStream.json") == {
        "records": 3,
        "published": 3,
        "parked": 0,
    }


def test_the_consumer_follows_the_sample_events(stack: Stack) -> None:
    def entry() -> tuple[int, Json]:
        return stack.get("leaderBoard/StarWar/participants/6")

    invoke(stack, "ConsumerLambda", ROOT / "events" / "insertEvent.json")
    status, body = entry()
    assert (status, body["projectScore"], body["userName"]) == (200, 80, "userF")
    invoke(stack, "ConsumerLambda", ROOT / "events" / "updateEvent.json")
    assert entry()[1]["projectScore"] == 95
    invoke(stack, "ConsumerLambda", ROOT / "events" / "deleteEvent.json")
    assert entry()[0] == 404


def test_leader_get_answers_the_sample_request(stack: Stack) -> None:
    answer = invoke(stack, "LeaderGet", ROOT / "events" / "apigw.json")
    assert answer["statusCode"] in (200, 404)  # other tests may have emptied the board
    assert "StarWar" in answer["body"]


def test_a_batch_that_sam_generates_passes_to_the_bus_and_leaves_the_leaderboard_alone(
    stack: Stack, tmp_path: Path
) -> None:
    custom = tmp_path / "custom.json"
    custom.write_text(stack.sam("local", "generate-event", "dynamodb", "update"))
    boards = stack.get("leaderBoard/")[1]
    assert invoke(stack, "FanoutLambda", custom) == {"records": 3, "published": 3, "parked": 0}
    judge(stack, *eventually(lambda: three_in_backup(stack)))
    assert stack.get("leaderBoard/")[1] == boards


def three_in_backup(stack: Stack) -> list[Json]:
    found: list[Json] = [one for one in events_in_backup(stack) if one["detail"]["keys"] == {"Id": 101}]
    assert len(found) == 3
    return found


@pytest.mark.parametrize("function", ["FanoutLambda", "ConsumerLambda", "LeaderGet"])
def test_a_functions_logs_can_be_read(stack: Stack, tmp_path: Path, function: str) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"Records": []} if function != "LeaderGet" else {"path": f"/{uuid.uuid4()}"}))
    invoke(stack, function, event)
    eventually(lambda: logged(stack, function))


def logged(stack: Stack, function: str) -> None:
    assert "START RequestId" in stack.sam("logs", "-n", function, "--stack-name", "fanout")


def test_no_alias_is_left_in_what_is_deployed(stack: Stack) -> None:
    """CloudFormation supports no YAML aliases; SAM expands them."""
    built = (stack.build_dir / "template.yaml").read_text()
    assert not any(line.strip().startswith("*") or ": *" in line or ": &" in line for line in built.splitlines())


@pytest.mark.parametrize("function", ["FanoutLambda", "ConsumerLambda", "LeaderGet"])
def test_a_bundle_holds_our_code_and_what_is_pinned_for_it(stack: Stack, function: str) -> None:
    bundle = stack.build_dir / function
    installed = list(distributions(path=[str(bundle)]))
    pins = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "src" / "functions.txt").read_text(), re.MULTILINE)
    assert {(one.name, one.version) for one in installed} == set(pins)
    listed = {bundle / file for one in installed for file in one.files or []}
    found = {path for path in bundle.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert {path.relative_to(bundle).parts[0] for path in found - listed} == {"scorecast"}


def test_an_installed_scorecast_deploys_the_same_without_make(stack: Stack, tmp_path: Path) -> None:
    twin = replace(stack.twin, root=copy_repository(tmp_path))
    shutil.copytree(packages_of(stack.twin), packages_of(twin))
    build_without_make(twin)
    assert files_in(twin.build) == files_in(stack.build_dir)
    assert template_in(twin.build) == template_in(stack.build_dir)


def template_in(build: Path) -> Json:
    """The template of a build; the order of its keys means nothing."""
    return dict(json.loads(json.dumps(yaml_parse((build / "template.yaml").read_text()))))


def files_in(build: Path) -> dict[Path, bytes]:
    """The bundled files; bytecode only by its name, because it tells how often its compiler met a constant."""
    files = [path for function in FOLDERS for path in (build / function).rglob("*") if path.is_file()]
    return {path.relative_to(build): b"" if path.suffix == ".pyc" else path.read_bytes() for path in files}
