"""The template as its tests read it: as it is written, and as SAM translates it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.CSafeLoader):  # type: ignore[misc] # PyYAML has no types
    """Reads CloudFormation's short forms such as !Ref as {tag: value}."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)
TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), _Loader)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


@cache
def translated() -> dict[str, dict[str, Any]]:
    """The resources as SAM's translator passes them to CloudFormation."""
    # Imported late: every worker collects all tests, and few run those that need it.
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    # As `sam deploy` makes them: the bundle of each function is in S3.
    for one in document["Resources"].values():
        if one["Type"] == "AWS::Serverless::Function":
            one["Properties"]["CodeUri"] = "s3://bucket/bundle.zip"
    session = boto3.Session(region_name="us-east-1")
    translator = Translator({}, Parser(), boto_session=session)
    resources: dict[str, dict[str, Any]] = translator.translate(document, {}, {})["Resources"]
    return resources


def created_before(name: str) -> set[str]:
    """The resources that CloudFormation creates before this one: what it depends on or refers to, and their own."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in referred(translated()[waiting.pop()]) & translated().keys() - found:
            found.add(other)
            waiting.append(other)
    return found


def referred(value: Any) -> set[str]:
    """The names in a resource's DependsOn, Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(value, list):
        return set().union(*map(referred, value))
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        match key:
            case "DependsOn":
                found |= {inner} if isinstance(inner, str) else set(inner)
            case "Ref":
                found.add(inner)
            case "Fn::GetAtt":
                found.add(inner[0] if isinstance(inner, list) else inner.split(".")[0])
            case "Fn::Sub":
                text = inner if isinstance(inner, str) else inner[0]
                found |= set(re.findall(r"\$\{(\w+)", text)) | (
                    referred(inner[1]) if isinstance(inner, list) else set()
                )
            case _:
                found |= referred(inner)
    return found


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}
