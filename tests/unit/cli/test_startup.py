"""What the command line imports before it answers, in modules: a time would depend on the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src"
# Each takes longer to load than these commands take to run.
AVOIDED = {"boto3", "botocore", "rich", "pydantic"}
# A tenth above the larger of the two today.
MODULES = 260


@pytest.mark.parametrize("arguments", [["--help"], ["env"], ["--version"]], ids=" ".join)
def test_help_and_env_load_neither_the_sdk_nor_the_terminal_library(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "template.yaml").touch()
    code = (
        "import sys; from scorecast.cli import main; sys.argv[0] = 'scorecast'\n"
        "try: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env={"PYTHONPATH": str(SOURCE)}, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    assert not AVOIDED & {name.partition(".")[0] for name in loaded}
    assert len(loaded) <= MODULES
