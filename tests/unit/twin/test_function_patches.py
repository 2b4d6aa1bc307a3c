"""What functions log is read to its end, however late it comes."""

import queue
import threading
import time

import pytest
from ministack.services import cloudwatch_logs, lambda_svc

from scorecast.twin import function_patches
from tests.support.twin_functions import Function


class LateLines(queue.Queue[str]):
    """Gets each line later than MiniStack waits for one."""

    def put(self, line: str, block: bool = True, timeout: float | None = None) -> None:
        time.sleep(0.06)
        super().put(line, block, timeout)


@pytest.fixture(autouse=True)
def _late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "Queue", LateLines)


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
