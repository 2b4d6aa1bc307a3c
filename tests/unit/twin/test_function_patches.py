"""Functions share their code and do not change it; what they log is read to its end, however late it comes."""

from __future__ import annotations

import io
import queue
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from scorecast.twin import function_code, function_patches


class LateLines(queue.Queue[str]):
    """Gets each line later than MiniStack waits for one."""

    def put(self, line: str, block: bool = True, timeout: float | None = None) -> None:
        time.sleep(0.06)
        super().put(line, block, timeout)


@pytest.fixture
def _patched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_drain_stderr", "_drain_stderr_bounded", "_read_stderr"):
        monkeypatch.setattr(lambda_runtime.Worker, name, getattr(lambda_runtime.Worker, name))
    monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", lambda_runtime._PYTHON_WORKER_SCRIPT)
    monkeypatch.setattr(queue, "Queue", LateLines)
    function_patches.read_logs_to_their_end()


@pytest.fixture
def _shared(_patched: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lambda_runtime.Worker, "_spawn", lambda_runtime.Worker._spawn)
    monkeypatch.setattr(lambda_runtime, "zipfile", lambda_runtime.zipfile)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    function_code.unpack_code_once()
    function_code.refuse_to_change_code()


class Function:
    """A function whose process is run by the engine's worker."""

    def __init__(self, code: str, **config: object) -> None:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as files:
            files.writestr(zipfile.ZipInfo("code_.py"), code)  # without the time, so the same code has the same bytes
        arn = "arn:aws:lambda:us-east-1:000000000000:function:logs"
        config = {"Handler": "code_.handle", "Runtime": "python3.13", "FunctionArn": arn, "Timeout": 20, **config}
        self.worker = lambda_runtime.Worker("logs", config, archive.getvalue())

    def log(self, event: object = None) -> list[str]:
        return str(self.worker.invoke(event, "request")["log"]).split("\n")


class Process(subprocess.Popen[str]):
    """A process of a function; MiniStack leaves its pipes to the garbage collector."""

    started: ClassVar[list[Process]] = []

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.started.append(self)


@pytest.fixture
def functions(_patched: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Function]]:
    made: list[Function] = []
    monkeypatch.setattr(subprocess, "Popen", Process)
    yield made
    for function in made:
        function.worker.kill()
    while Process.started:
        with Process.started.pop() as process:  # closes its pipes
            process.kill()


@pytest.mark.usefixtures("_shared")
def test_processes_with_the_same_code_share_its_folder_and_its_bytecode(
    functions: list[Function], tmp_path: Path
) -> None:
    where = "import os\ndef handle(event, context):\n    print(__file__, os.getcwd(), os.environ['LAMBDA_TASK_ROOT'])\n"
    functions += [Function(where), Function(where), Function(f"{where}# other code\n")]
    [first], [second], [other] = (function.log() for function in functions)
    file, *folders = first.split()
    assert folders == 2 * [str(Path(file).parent)]
    assert first == second != other
    assert len(list(tmp_path.glob("code-*/__pycache__/code_.*.pyc"))) == 2
    functions[0].worker.kill()
    functions.append(Function(where))
    assert functions[3].log() == [second]


@pytest.mark.usefixtures("_shared")
def test_code_that_no_process_uses_is_removed(functions: list[Function], tmp_path: Path) -> None:
    functions += [Function(f"number = {number}\ndef handle(event, context): print(number)\n") for number in range(3)]
    for number, function in enumerate(functions):
        assert function.log() == [str(number)]
        function.worker.kill()
        assert len(list(tmp_path.glob("code-*"))) == 1
    function_code.remove_unused_code()
    assert list(tmp_path.glob("code-*")) == []


CHANGES = """
import os, pathlib, shutil, tempfile
code = pathlib.Path(__file__).parent
ways = [
    lambda at: (at / "new").write_text("x"),
    lambda at: open(at / "code_.py", "a").close(),
    lambda at: os.truncate(at / "code_.py", 0),
    lambda at: os.utime(at / "code_.py"),
    lambda at: (at / "code_.py").chmod(0o600),
    lambda at: (at / "folder").mkdir(),
    lambda at: (at / "code_.py").rename(at / "other.py"),
    lambda at: (at / "code_.py").unlink(),
    lambda at: (at / "link").symlink_to("/"),
    lambda at: shutil.rmtree(at),
]
def handle(event, context):
    for change in ways:
        try:
            change(pathlib.Path() if event == "relative" else code)
        except OSError as error:
            print(error.strerror)
    with tempfile.TemporaryDirectory() as elsewhere:
        copy = pathlib.Path(elsewhere, "copy", "code_.py")
        for change in ways:
            copy.parent.mkdir(exist_ok=True)
            copy.write_text((code / "code_.py").read_text())
            change(copy.parent)
        link = pathlib.Path(elsewhere, "link")
        link.symlink_to(code / "code_.py")
        link.unlink()
    print(*os.listdir(code))
"""


@pytest.mark.usefixtures("_shared")
@pytest.mark.parametrize("path", ["whole", "relative"])
def test_a_function_changes_nothing_in_the_folder_of_its_code(functions: list[Function], path: str) -> None:
    functions.append(Function(CHANGES))
    *refused, left = functions[0].log(path)
    assert refused == 10 * ["Read-only file system"]
    assert sorted(left.split()) == ["__pycache__", "code_.py"]


def test_each_invocation_has_its_own_lines(functions: list[Function]) -> None:
    code = "print('start')\ndef handle(event, context):\n    for line in event: print(line)\n"
    functions.append(Function(code))
    assert functions[0].log(["a", "b"]) == ["start", "a", "b"]
    assert functions[0].log([]) == [""]
    assert functions[0].log(["c"]) == ["c"]


def test_a_line_without_an_end_is_logged(functions: list[Function]) -> None:
    functions.append(Function("def handle(event, context):\n    print('no end', end='')\n"))
    assert functions[0].log() == ["no end"]
    assert functions[0].log() == ["no end"]


def test_what_fails_has_its_log_too(functions: list[Function]) -> None:
    functions.append(Function("def handle(event, context):\n    print('before')\n    raise ValueError(event)\n"))
    assert functions[0].log(1) == ["before"]
    assert functions[0].log(2) == ["before"]


def test_a_function_that_dies_or_works_too_long_has_a_log(functions: list[Function]) -> None:
    functions.append(Function("import os\ndef handle(event, context):\n    print('dying')\n    os._exit(1)\n"))
    functions.append(
        Function("import time\ndef handle(event, context):\n    print('on')\n    time.sleep(60)\n", Timeout=1)
    )
    assert functions[0].log() == ["dying"]
    assert functions[1].log() == ["on"]


def test_functions_that_end_together_keep_all_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    make_arn = cloudwatch_logs._make_group_arn

    def make_slowly(name: str) -> str:
        time.sleep(0.05)  # the other one comes to the same place meanwhile
        return str(make_arn(name))

    monkeypatch.setattr(cloudwatch_logs, "_log_groups", {})
    monkeypatch.setattr(cloudwatch_logs, "_make_group_arn", make_slowly)
    monkeypatch.setattr(lambda_svc, "_emit_lambda_logs", lambda_svc._emit_lambda_logs)
    function_patches.write_logs_one_after_another()
    function = {"config": {"FunctionName": "logs"}}
    lines = [f"line {number}" for number in range(3)]
    threads = [
        threading.Thread(target=lambda_svc._emit_lambda_logs, args=(function, "request", line, False, 1))
        for line in lines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    streams = cloudwatch_logs._log_groups["/aws/lambda/logs"]["streams"].values()
    logged = [event["message"] for stream in streams for event in stream["events"]]
    assert sorted(line for line in logged if line in lines) == lines
