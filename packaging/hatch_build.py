"""Puts the manual page into the wheel, made of the command line's own definitions."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManualPage(BuildHookInterface):  # type: ignore[type-arg]
    """The build hook of pyproject.toml."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the page into a folder of its own, which lasts as long as the build."""
        here = os.path.join(self.root, "packaging")
        sys.path[:0] = [self.root, here]
        try:
            from manpage import manpage
        finally:
            sys.path.remove(self.root)
            sys.path.remove(here)
        moment = float(os.environ.get("SOURCE_DATE_EPOCH") or time.time())  # reproducible-builds.org
        self.folder = tempfile.mkdtemp()
        page = os.path.join(self.folder, "portdoctor.1")
        with open(page, "w", encoding="utf-8") as file:
            file.write(manpage(time.strftime("%Y-%m-%d", time.gmtime(moment))))
        build_data["shared_data"][page] = "share/man/man1/portdoctor.1"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
