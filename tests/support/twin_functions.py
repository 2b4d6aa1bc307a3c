"""Functions whose processes are run by the engine's worker, without an engine."""

from __future__ import annotations

import io
import subprocess
import zipfile
from typing import Any, ClassVar

from ministack.core import lambda_runtime


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
