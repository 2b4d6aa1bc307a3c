"""The number of modules that a function may import at a cold start; a time would depend on the machine."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src"
# Some more than the largest number today, 271. boto3 with one client imports 390.
MODULES = 285
# Each took a considerable part of a start before it was avoided.
AVOIDED = {"boto3", "botocore.session", "botocore.client", "botocore.credentials", "botocore.loaders", "uuid"}
# Optional parts of botocore and urllib3 that this environment may have and the functions' bundles lack.
NOT_BUNDLED = ("awscrt", "OpenSSL", "brotli", "brotlicffi", "zstandard", "h2", "socks")
HANDLERS = ["scorecast.fanout.handler", "scorecast.standings.handler", "scorecast.api.handler"]


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_imports_little(handler: str) -> None:
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({NOT_BUNDLED})); before = set(sys.modules); "
        f"import {handler}; print(*(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert not imported & AVOIDED
    assert len(imported) <= MODULES, f"{handler} imports {len(imported)} modules, {len(imported) - MODULES} too many"
