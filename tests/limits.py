"""The table of limits, as the role watch has it, with numbers of a test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.makefile import REPOSITORY

TABLE = REPOSITORY / "roles/watch/vars/main/limits.yml"
DEFAULTS = {
    "loader_stale": 75,
    "loader_silent": 75,
    "records_rejected": 0,
    "fields_degraded": 0.01,
    "source_silent": 7,
    "cities_near": 0,
    "mutation_stuck": 15,
    "parts": 300,
    "disk_low": 2,
    "disk_fills": 4,
    "memory_low": 200,
    "backup_old": 26,
    "certificate": 14,
}


def rows() -> dict[str, dict[str, Any]]:
    """The rows, their limits as the role's expressions."""
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))["watch_limits"]


def limits(**numbers: float) -> dict[str, dict[str, Any]]:
    """The rows with the default limits, some of them others."""
    known = DEFAULTS | numbers
    return {name: row | ({"limit": known[name]} if "limit" in row else {}) for name, row in rows().items()}


_PLAY = """
- name: Render what the table of limits goes into
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    docker_engine_volume_root: /data/docker/volumes
  tasks:
    - ansible.builtin.import_role: {name: zakaz}
    - ansible.builtin.copy:
        content: "{{ item.text }}"
        dest: "{{ lookup('env', 'FOLDER') }}/{{ item.name }}"
        mode: "0600"
      loop:
        - {name: zakaz.rules.yml, text: "{{ lookup('rendered', watch ~ 'zakaz.rules.yml.j2') }}"}
        - {name: watch.json, text: "{{ lookup('rendered', watch ~ 'settings.json.j2') }}"}
        - {name: alerts.json, text: "{{ lookup('rendered', watch ~ '../../alerts/templates/settings.json.j2') }}"}
        - {name: limits.json, text: "{{ watch_limits | to_json }}"}
        - {name: look.json, text: "{{ watch_look | to_json }}"}
      vars:
        watch: "{{ zakaz_repository }}/roles/watch/templates/"
"""


def render(folder: Path, **settings: Any) -> Path:
    """Write what the roles make of some settings: rules, settings of watch and alerts, the limits of the status."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "play.yml").write_text(_PLAY, encoding="utf-8")
    (folder / "settings.json").write_text(
        json.dumps(
            {"clickhouse_watch_password": "x", "zakaz_manages_units": True, "zakaz_repository": str(REPOSITORY)}
            | settings
        )
    )
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-e", f"@{folder}/settings.json",
         folder / "play.yml"],
        cwd=REPOSITORY, env={**os.environ, "FOLDER": str(folder), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
