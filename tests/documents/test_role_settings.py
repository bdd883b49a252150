"""The roles' READMEs and the configuration reference are what their settings say."""

from __future__ import annotations

import subprocess
import sys

from tests.makefile import REPOSITORY


def test_the_pages_are_what_the_roles_say():
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts/document_roles.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
