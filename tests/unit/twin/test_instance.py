"""Where the twin lives and on which port; what of the user's AWS settings reaches it."""

import json
from pathlib import Path

import pytest

from scorecast.bundles import sources
from scorecast.errors import UserError
from scorecast.twin import instance
from scorecast.twin.instance import Twin, is_locked, locked, read_note


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "template.yaml").touch()
    monkeypatch.setattr(instance, "_root", lambda: tmp_path)
    return tmp_path


def test_the_port_is_4566_unless_said_otherwise(root: Path) -> None:
    assert instance.find(environ={}).port == 4566
    assert instance.find(environ={"SCORECAST_PORT": "4999"}).port == 4999
    assert instance.find(4998, environ={"SCORECAST_PORT": "4999"}).port == 4998


def test_a_running_engines_port_is_found(root: Path) -> None:
    (root / ".twin").mkdir()
    (root / ".twin" / "engine.json").write_text(json.dumps({"pid": 1, "port": 4777}))
    assert instance.find(environ={}).port == 4566
    with locked(root / ".twin" / "engine.lock", wait=False):
        assert instance.find(environ={}).port == 4777
        assert instance.find(environ={"SCORECAST_PORT": "4999"}).port == 4999


@pytest.mark.parametrize("port", ["no", "-1", "80", "70000", "4566.0", " 4566"])
def test_a_port_that_cannot_be_is_refused_with_what_is_allowed(root: Path, port: str) -> None:
    with pytest.raises(UserError, match="must be a port number from 1024 to 65535"):
        instance.find(environ={"SCORECAST_PORT": port})


def test_the_twin_of_a_clone_is_in_the_clone() -> None:
    twin, clone = instance.find(environ={}), Path(__file__).parents[3]
    assert (twin.root, twin.state_dir, twin.sources.template) == (clone, clone / ".twin", clone / "template.yaml")


def test_an_installed_twin_is_in_the_current_folder_whatever_else_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(instance, "is_installed", lambda: True)
    twin = instance.find(environ={})
    assert (twin.root, twin.state_dir) == (tmp_path / ".twin", tmp_path / ".twin")
    assert twin.sources.template == sources.HERE / "template.yaml"


def test_the_users_aws_settings_stay_out() -> None:
    environ = {"AWS_PROFILE": "prod", "AWS_ENDPOINT_URL": "x", "PATH": "p"}
    assert instance.without_aws(environ) == {"PATH": "p"}


def test_a_client_is_the_twins_whatever_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://example.invalid")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    client = Twin(root=tmp_path, state_dir=tmp_path, port=4999).client("sqs")
    assert (client.meta.endpoint_url, client.meta.region_name) == ("http://127.0.0.1:4999", "us-east-1")


def test_a_lock_is_held_as_long_as_its_file_is_open(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    assert not is_locked(path)
    with locked(path, wait=False):
        assert is_locked(path)
        with pytest.raises(BlockingIOError), locked(path, wait=False):
            pass
    assert not is_locked(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_an_unreadable_note_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine.json").write_text(text)
    assert read_note(tmp_path) == {}


def test_no_answer_gives_no_document(tmp_path: Path) -> None:
    assert instance.get_json("http://127.0.0.1:1/") is None
