"""A deployment whose Python environment was damaged: every verb that needs it says so, in a sentence."""

from __future__ import annotations

import pytest

from tests.roles.environment import make_environment
from tests.roles.test_folder_of_another import play

pytestmark = pytest.mark.patient


@pytest.mark.parametrize("playbook", ["status", "backup", "restore", "rotate"])
def test_the_verb_names_the_way_out(tmp_path, playbook):
    (tmp_path / "host").mkdir()
    make_environment(tmp_path / "host" / "python")
    (tmp_path / "host" / "python" / "bin" / "python").unlink()
    done = play(playbook, tmp_path)
    assert done.returncode != 0
    assert f"The Python environment of the deployment, {tmp_path}/host/python, is damaged" in done.stdout
    assert "Run make deploy" in done.stdout
