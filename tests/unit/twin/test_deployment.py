"""How the stack is built and deployed, and the addresses under which it is reached."""

import json
from pathlib import Path
from typing import Any

import pytest

from scorecast.errors import UserError
from scorecast.ops.stack.local_engine import local_url
from scorecast.twin import deployment, sample
from scorecast.twin.deployment import StackState, local_outputs
from scorecast.twin.instance import Twin


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("status", "is_complete"),
    [
        ("CREATE_COMPLETE", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("ROLLBACK_COMPLETE", False),
        ("CREATE_IN_PROGRESS", False),
        ("UPDATE_ROLLBACK_FAILED", False),
        ("REVIEW_IN_PROGRESS", False),
        (None, False),
    ],
)
def test_a_stack_can_be_used_when_it_is_complete(status: str | None, is_complete: bool) -> None:
    assert StackState(status).is_complete == is_complete


def test_addresses_of_the_api_and_of_queues_open_here() -> None:
    local = "http://127.0.0.1:4999"
    aws = "https://ab12.execute-api.us-east-1.amazonaws.com/Prod/leaderBoard/"
    assert local_url(aws, local) == f"{local}/_aws/execute-api/ab12/Prod/leaderBoard/"
    assert local_url("http://localhost:4566/000000000000/queue", local) == f"{local}/000000000000/queue"
    assert local_url("arn:aws:sqs:us-east-1:1:q", local) == "arn:aws:sqs:us-east-1:1:q"
    twin = Twin(root=Path(), state_dir=Path(), port=4999)
    assert local_outputs(StackState(outputs={"Api": aws}), twin) == {"Api": local_url(aws, local)}


def test_without_make_the_user_is_told_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="needs make: install it"):
        deployment.build(Twin(root=Path(), state_dir=Path()))


def test_sam_waits_less_between_two_looks_at_a_local_stack_than_its_five_seconds(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "src" / "functions.txt").touch()
    (root / "sam").write_text("#!/bin/sh\necho $SAM_CLI_POLL_DELAY")
    (root / "sam").chmod(0o755)
    monkeypatch.setattr(deployment, "bin_dir", lambda: root)
    assert 0 < float(deployment.run_sam(Twin(root=root, state_dir=root), "deploy").stdout) < 1


# ---------------------------------------------------------------- interrupted deployments


class FakeCloudFormation:
    """A stack that goes through the given states, one a look; deleting it ends them."""

    def __init__(self, *states: str | None) -> None:
        self.states, self.deleted = list(states), False

    def describe(self, _twin: Twin) -> StackState:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return StackState(None if self.deleted else state)

    def client(self, _service: str) -> Any:
        return self

    def delete_stack(self, **_: str) -> None:
        self.deleted = True


@pytest.fixture
def clear(monkeypatch: pytest.MonkeyPatch) -> Any:
    def delete_unfinished(*states: str | None) -> tuple[str, bool]:
        fake = FakeCloudFormation(*states)
        monkeypatch.setattr(deployment, "describe", fake.describe)
        monkeypatch.setattr(deployment, "PROGRESS_DEADLINE_S", 0.3)
        monkeypatch.setattr(Twin, "client", lambda _self, service: fake.client(service))
        return deployment.delete_unfinished(Twin(root=Path(), state_dir=Path())), fake.deleted

    return delete_unfinished


def test_a_stack_that_is_there_or_not_is_left_alone(clear: Any) -> None:
    assert clear(None) == ("", False)
    assert clear("UPDATE_COMPLETE") == ("", False)
    assert clear("CREATE_IN_PROGRESS", "CREATE_COMPLETE") == ("", False)


@pytest.mark.parametrize("status", ["CREATE_FAILED", "ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"])
def test_what_an_interruption_left_is_deleted_and_told(clear: Any, status: str) -> None:
    remark, is_deleted = clear(status)
    assert is_deleted
    assert f"interrupted ({status})" in remark


# ---------------------------------------------------------------- the sample data


class FakeTable:
    """A main table with tags."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.tags: list[dict[str, str]] = []

    def describe_table(self, **_: str) -> dict[str, Any]:
        return {"Table": {"TableArn": "arn"}}

    def list_tags_of_resource(self, **_: str) -> dict[str, Any]:
        return {"Tags": self.tags}

    def tag_resource(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:
        assert ResourceArn == "arn"
        self.tags += Tags

    def put_item(self, *, TableName: str, Item: dict[str, Any], ConditionExpression: str) -> None:
        assert (TableName, ConditionExpression) == ("table", "attribute_not_exists(id)")
        self.items[Item["id"]["S"]] = Item


def test_the_sample_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FakeTable()
    monkeypatch.setattr(Twin, "client", lambda _self, _service: table)
    twin = Twin(root=Path(), state_dir=Path())
    assert sample.write(twin, "table")
    assert sorted(table.items) == ["1", "2", "3", "4"]
    table.items.clear()
    assert not sample.write(twin, "table")
    assert table.items == {}


@pytest.fixture
def built(tmp_path: Path) -> Twin:
    """A twin whose functions are bundled."""
    twin = Twin(tmp_path, tmp_path)
    twin.build.mkdir(parents=True)
    (twin.build / "template.yaml").write_text("AWSTemplateFormatVersion: '2010-09-09'\nResources: {A: {CodeUri: a}}\n")
    return twin


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that the SAM CLI receives."""
    given: list[str] = []
    monkeypatch.setattr(deployment, "_sam", lambda _twin, *arguments: given.extend(arguments))
    return given


def test_sam_reads_the_template_as_json_beside_the_bundles(built: Twin, given: list[str]) -> None:
    deployment.deploy(built, "source")
    template = Path(given[given.index("--template-file") + 1])
    assert template.parent == built.build
    assert json.loads(template.read_text()) == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {"A": {"CodeUri": "a"}},
    }


def test_the_twin_fills_the_consumers_batches(built: Twin, given: list[str]) -> None:
    deployment.deploy(built, "source")
    assert "ConsumerBatchingWindow=1" in given[given.index("--parameter-overrides") :]
