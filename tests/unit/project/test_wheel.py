"""A wheel carries everything that `scorecast up` deploys and needs."""

from email.parser import BytesParser
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.wheel import build_wheel

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(build_wheel(tmp_path_factory.mktemp("wheel")))


def test_a_wheel_has_every_source_and_what_a_clone_has_beside_them(wheel: ZipFile) -> None:
    source = ROOT / "src"
    files = {path for path in (source / "scorecast").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    expected = {str(path.relative_to(source)): path.read_bytes() for path in files}
    for path in (ROOT / "template.yaml", source / "functions.txt"):
        expected[f"scorecast/bundles/{path.name}"] = path.read_bytes()
    assert {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name} == expected


def test_a_wheel_needs_the_engine_and_sam_without_an_extra(wheel: ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
    needed = [str(one) for one in BytesParser().parsebytes(wheel.read(name)).get_all("Requires-Dist", [])]
    packages = {one.split("==")[0] for one in needed if "extra" not in one}
    assert {"aws-sam-cli", "awscli", "ministack", "pip", "sortedcontainers", "uvicorn"} <= packages
