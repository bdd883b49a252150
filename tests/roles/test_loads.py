"""Two deployments in one playbook: each runs its own loaders, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.patient

REPOSITORY = Path(__file__).parents[2]
DEPLOYMENT = """
- name: Deploy {name}
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
  tasks:
    - name: Know the settings
      ansible.builtin.import_role: {{name: zakaz}}
    - name: Note that it is to run once, as the role does
      ansible.builtin.set_fact:
        __loader_due: "{{{{ __loader_due | default([]) + [due] }}}}"
      vars:
        due: {{name: {name}, command: "{{{{ folder }}}}/{name}", settings: "", variables: []}}
    - name: Load
      ansible.builtin.import_role: {{name: loader, tasks_from: run}}
"""


def test_each_deployment_runs_its_own_loaders_once(tmp_path):
    names = ("first", "second")
    for name in names:
        command = tmp_path / name
        command.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/ran\necho '{{\"rows_written\": 0}}'\n")
        command.chmod(0o755)
    (tmp_path / "play.yml").write_text("".join(DEPLOYMENT.format(name=name) for name in names))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,"]
    done = subprocess.run(
        [*command, "-e", f"folder={tmp_path} zakaz_manages_units=false", str(tmp_path / "play.yml")],
        cwd=REPOSITORY,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "ran").read_text().split() == ["first", "second"]
