"""up, down, status and env as they are typed; the twin tests cover the engine itself."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from scorecast import cli
from scorecast.cli import twin
from scorecast.errors import UserError
from scorecast.twin import deployment, instance, lifecycle, process
from scorecast.twin.deployment import StackState

OUTPUTS = {
    "LeaderGetApi": "https://ab.execute-api.us-east-1.amazonaws.com/Prod/leaderBoard/",
    "PageUrl": "https://ab.execute-api.us-east-1.amazonaws.com/Prod/",
    "MainTableName": "main-table",
    "BackupBucketName": "backup-bucket",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command line in a clone where no engine runs; nothing listens on port 4."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "SCORECAST_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(instance, "_root", lambda: tmp_path)
    monkeypatch.setattr(instance, "DEFAULT_PORT", 4)
    return CliRunner(mix_stderr=False)


def test_status_of_a_stopped_twin(run: CliRunner) -> None:
    answer = json.loads(run.invoke(cli.app, ["status", "--json"]).stdout)
    assert answer == {
        "engine": "stopped",
        "version": None,
        "endpoint": "http://127.0.0.1:4",
        "stack": "fanout",
        "stackStatus": None,
        "api": None,
        "page": None,
        "outputs": {},
        "warnings": [],
    }
    assert "stopped" in run.invoke(cli.app, ["status"]).stdout


def test_down_of_a_stopped_twin(run: CliRunner) -> None:
    done = run.invoke(cli.app, ["down"])
    assert (done.exit_code, done.stdout) == (0, "It was not running.\n")
    assert json.loads(run.invoke(cli.app, ["down", "--json"]).stdout) == {"engine": "stopped", "wasRunning": False}


def test_down_in_another_folder_says_that_the_twin_runs_elsewhere(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "version", lambda _: "MiniStack 1")
    said = run.invoke(cli.app, ["down"]).stdout
    assert said.startswith("The twin of this folder was not running. Another folder's is on http://127.0.0.1:4:")


def test_up_in_a_folder_that_cannot_be_written_says_to_change_to_another(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(lifecycle, "locked", locked)
    error = run.invoke(cli.app, ["up"]).exception
    assert str(error) == f"You may not write to {tmp_path / '.twin'}: change to a folder that you own."


def test_env_is_for_a_shell(run: CliRunner, tmp_path: Path) -> None:
    script = run.invoke(cli.app, ["env", "--port", "4999"]).stdout
    show = 'echo "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_REGION ${AWS_PROFILE-none}"'
    environ = {"AWS_PROFILE": "prod", "PATH": "/usr/bin:/bin"}
    shell = ["sh", "-c", f"{script}\n{show}"]
    printed = subprocess.run(shell, env=environ, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert printed == "http://127.0.0.1:4999 test us-east-1 none\n"


def test_env_can_be_read_by_programs(run: CliRunner) -> None:
    assert json.loads(run.invoke(cli.app, ["env", "--json"]).stdout)["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4"


@pytest.fixture
def engine_on_port_5(tmp_path: Path) -> Iterator[None]:
    """An engine of this clone that holds its lock and does not answer yet."""
    (tmp_path / ".twin").mkdir()
    (tmp_path / ".twin" / "engine.json").write_text('{"pid": 1, "port": 5}')
    with instance.locked(tmp_path / ".twin" / "engine.lock", wait=False):
        yield


@pytest.mark.usefixtures("engine_on_port_5")
def test_status_looks_where_the_engine_is(run: CliRunner) -> None:
    answer = json.loads(run.invoke(cli.app, ["status", "--json"]).stdout)
    assert (answer["engine"], answer["endpoint"]) == ("starting", "http://127.0.0.1:5")


@pytest.mark.usefixtures("engine_on_port_5")
def test_status_of_another_port_does_not_report_this_engine(run: CliRunner) -> None:
    done = run.invoke(cli.app, ["status", "--json", "--port", "4999"])
    answer = json.loads(done.stdout)
    assert (answer["engine"], answer["endpoint"]) == ("stopped", "http://127.0.0.1:4999")
    assert done.stderr == "The twin of this folder runs on port 5: `scorecast status --port 5` shows it.\n"


@pytest.mark.usefixtures("engine_on_port_5")
def test_down_with_another_port_stops_nothing(run: CliRunner) -> None:
    done = run.invoke(cli.app, ["down", "--port", "4999"])
    assert str(done.exception) == "The twin runs on port 5, not 4999: omit --port to stop it."


def test_status_says_how_to_deploy_a_deleted_stack(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "version", lambda _: "MiniStack 1")
    monkeypatch.setattr(deployment, "describe", lambda _: StackState())
    assert "not deployed; `make up` deploys it" in run.invoke(cli.app, ["status"]).stdout
    assert json.loads(run.invoke(cli.app, ["status", "--json"]).stdout)["stackStatus"] is None


def test_status_of_a_deployed_stack_says_what_keeps_changes_from_the_board(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "version", lambda _: "MiniStack 1")
    monkeypatch.setattr(deployment, "describe", lambda _: StackState("CREATE_COMPLETE", outputs=OUTPUTS))
    monkeypatch.setattr(twin, "warnings_of", lambda stack: [f"The mapping of {stack.name} is Disabled."])
    done = run.invoke(cli.app, ["status", "--json"])
    assert json.loads(done.stdout)["warnings"] == ["The mapping of fanout is Disabled."]
    assert done.stderr == "The mapping of fanout is Disabled.\n"


@pytest.mark.parametrize(("is_running", "says"), [(True, "the engine still runs"), (False, "Stopped: `make up`")])
def test_ctrl_c_during_up_says_what_still_runs(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, *, is_running: bool, says: str
) -> None:
    def up(*_: object) -> StackState:
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "up", up)
    monkeypatch.setattr(process, "is_running", lambda _: is_running)
    error = run.invoke(cli.app, ["up"]).exception
    assert isinstance(error, UserError)
    assert says in str(error)
    assert error.exit_code == 130


def test_up_says_what_to_look_at(run: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    def up(_twin: instance.Twin, progress: lifecycle.Progress) -> StackState:
        with progress.step("engine") as remark:
            remark("[as it is]")
        return StackState("CREATE_COMPLETE", outputs=OUTPUTS)

    monkeypatch.setattr(lifecycle, "up", up)
    done = run.invoke(cli.app, ["up", "--port", "4999"])
    assert done.exit_code == 0
    for shown in (
        "http://127.0.0.1:4999/_aws/execute-api/ab/Prod/",
        "curl 'http://127.0.0.1:4999/_aws/execute-api/ab/Prod/leaderBoard/?hackathonName=StarWar'",
        "aws dynamodb update-item --table-name main-table",
        "s3://backup-bucket",
        "top StarWar",
        "make down",
    ):
        assert shown in done.stdout
    assert "[as it is]" in done.stderr


def test_an_expected_failure_is_one_line(
    run: CliRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(_twin: instance.Twin, _progress: lifecycle.Progress) -> StackState:
        raise UserError("Port 4 is [used] by another program.", 3)

    monkeypatch.setattr(lifecycle, "up", up)
    monkeypatch.setattr("sys.argv", ["scorecast", "up"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert capsys.readouterr().err == "scorecast: Port 4 is [used] by another program.\n"
