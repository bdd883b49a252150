"""make lint looks at all shell: by its first line, not by its name, and in templates."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY

WRONG = '#!/bin/sh\ncd "{folder}" && rm $1\n'


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("roles/x/files/tool", WRONG, "SC2086"),
        ("integrations/x/entry.sh", WRONG.replace("/bin/sh", "/usr/bin/env bash"), "SC2086"),
        ("roles/x/templates/command.sh.j2", WRONG.format(folder="{{ x | default('a') }}"), "SC2086"),
        ("roles/x/templates/command.sh.j2", "#!/bin/sh\n{% if a %}\nexec '{{ b }}' \"$@\"\n{% endif %}\n", ""),
        ("docs/x.md", WRONG, ""),
    ],
)
def test_shell_is_found_wherever_it_is(tmp_path: Path, name: str, text: str, found: str) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / "scripts/lint_shell.sh", tmp_path / "scripts")
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "scripts", name], cwd=tmp_path, check=True)
    done = subprocess.run(["scripts/lint_shell.sh"], cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) is bool(found), said
    assert found in said
    if name.endswith(".j2") and found:
        assert f"in {name}" in done.stderr
