"""The example consumers, made ready: the Python one as a bundle to deploy, the TypeScript one compiled."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.report.results import ROOT

EXAMPLES = ROOT / "examples"
# This package and what `pip install boto3` brings.
_PACKAGES = ("scorecast", "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3")
_MODULES = ("six",)
# botocore has the models of all services, 25 MB compressed.
_MODELS = ("dynamodb", "s3")


def bundle_python(to: Path) -> Path:
    """Copy the example's template, and beside it the bundle that docs/consumer-library.md tells how to make."""
    build = to / "build"
    for name in _PACKAGES:
        shutil.copytree(_folder(name), build / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _MODULES:
        shutil.copy(_file(name), build)
    for model in (build / "botocore" / "data").iterdir():
        if model.is_dir() and model.name not in _MODELS:
            shutil.rmtree(model)
    shutil.copy(EXAMPLES / "python" / "consumer.py", build)
    return Path(shutil.copy(EXAMPLES / "python" / "template.yaml", to))


def compile_typescript() -> Path:
    """Compile the example and return what Node runs; skip the test if its packages are not installed."""
    example = EXAMPLES / "typescript"
    if not (example / "node_modules").exists():
        pytest.skip("the TypeScript example's packages are not installed: run `make typescript`, which needs npm")
    done = subprocess.run(["npm", "run", "build"], cwd=example, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return example / "dist" / "consumer.js"


def _file(module: str) -> Path:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def _folder(package: str) -> Path:
    return _file(package).parent
