"""A wheel carries the template and the functions' pins; pyproject.toml cannot name files outside src."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTemplate(build_py):
    """Copies them beside the code that deploys them. An editable install uses the clone's own."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name in ("template.yaml", "src/functions.txt"):
                shutil.copy(name, Path(self.build_lib) / "scorecast" / "bundles")


setup(cmdclass={"build_py": BuildWithTemplate})
