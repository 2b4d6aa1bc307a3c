"""The CDK example synthesises, and names only parameters and outputs that the template has."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.report.results import ROOT
from tests.support.template import TEMPLATE

EXAMPLE = ROOT / "examples" / "cdk"
# `sam package` changes only where the functions' code is, so the template itself takes the place of its result.
PACKAGED = ROOT / "template.yaml"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the app is synthesised into."""
    if not (EXAMPLE / "node_modules").exists():
        pytest.skip("the CDK example's packages are not installed: run `make cdk`, which needs npm")
    folder = tmp_path_factory.mktemp("cdk")
    environment = os.environ | {"CDK_OUTDIR": str(folder)}
    command = ["node", "app.js", str(PACKAGED)]
    done = subprocess.run(command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def synthesised(assembly: Path) -> dict[str, Any]:
    stack: dict[str, Any] = json.loads((assembly / "Hackathon.template.json").read_text(encoding="utf-8"))
    return stack


def test_the_nested_stack_is_the_template(assembly: Path) -> None:
    [copy] = assembly.glob("asset.*.yaml")
    assert copy.read_bytes() == PACKAGED.read_bytes()
    address = synthesised(assembly)["Resources"]["Scorecast"]["Properties"]["TemplateURL"]["Fn::Sub"]
    assert address.endswith(copy.name.removeprefix("asset."))


def test_it_follows_the_table_of_the_app(assembly: Path) -> None:
    stack = synthesised(assembly)
    parameters = stack["Resources"]["Scorecast"]["Properties"]["Parameters"]
    assert set(parameters) <= set(TEMPLATE["Parameters"])
    table, attribute = parameters["DynamoDBStreamArn"]["Fn::GetAtt"]
    assert attribute == "StreamArn"
    ours, theirs = (one["Properties"] for one in (TEMPLATE["Resources"]["MainTable"], stack["Resources"][table]))
    assert theirs["StreamSpecification"] == ours["StreamSpecification"]
    defaults = [TEMPLATE["Parameters"][name]["Default"] for name in ("IdAttribute", "MetadataAttribute")]
    assert [key["AttributeName"] for key in theirs["KeySchema"]] == defaults


def test_it_shows_an_output_of_the_template(assembly: Path) -> None:
    nested, output = synthesised(assembly)["Outputs"]["Page"]["Value"]["Fn::GetAtt"]
    assert nested == "Scorecast"
    assert output.removeprefix("Outputs.") in TEMPLATE["Outputs"]
