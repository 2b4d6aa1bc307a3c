"""What tests of functions on the twin share."""

import subprocess
from collections.abc import Iterator

import pytest
from ministack.core import lambda_runtime

from scorecast.twin import function_patches
from tests.support.twin_functions import Function, Process


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Function]]:
    """The functions of a test, whose logs are read to their end; their processes end with it."""
    for name in ("_drain_stderr", "_drain_stderr_bounded", "_read_stderr"):
        monkeypatch.setattr(lambda_runtime.Worker, name, getattr(lambda_runtime.Worker, name))
    monkeypatch.setattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", lambda_runtime._PYTHON_WORKER_SCRIPT)
    function_patches.read_logs_to_their_end()
    made: list[Function] = []
    monkeypatch.setattr(subprocess, "Popen", Process)
    yield made
    for function in made:
        function.worker.kill()
    while Process.started:
        with Process.started.pop() as process:  # closes its pipes
            process.kill()
