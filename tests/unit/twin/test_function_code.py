"""Functions share their code and do not change it."""

import tempfile
from pathlib import Path

import pytest
from ministack.core import lambda_runtime

from scorecast.twin import function_code
from tests.support.twin_functions import Function


@pytest.fixture(autouse=True)
def _shared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", lambda_runtime._PYTHON_WORKER_SCRIPT)
    monkeypatch.setattr(lambda_runtime.Worker, "_spawn", lambda_runtime.Worker._spawn)
    monkeypatch.setattr(lambda_runtime, "zipfile", lambda_runtime.zipfile)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    function_code.unpack_code_once()
    function_code.refuse_to_change_code()


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


@pytest.mark.parametrize("path", ["whole", "relative"])
def test_a_function_changes_nothing_in_the_folder_of_its_code(functions: list[Function], path: str) -> None:
    functions.append(Function(CHANGES))
    *refused, left = functions[0].log(path)
    assert refused == 10 * ["Read-only file system"]
    assert sorted(left.split()) == ["__pycache__", "code_.py"]
