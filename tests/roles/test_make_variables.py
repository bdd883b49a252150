"""What people give to make's variables reaches Ansible letter by letter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY

BIN = Path(sys.executable).parent
# signs of the shell, of make, of JSON, of YAML and of Jinja
ODD = """a b/'"c"'\\d\\n$HOME$(x){{ 7*7 }}{% if %},#;&|`x`: *é"""
VARIABLES = {
    "import-sheets": ("DIR", "loader_import_path"),
    "import-plan": ("FILE", "loader_import_path"),
    "import-city-aliases": ("DECIMAL", "loader_import_decimal"),
    "drill": ("BACKUP", "backup_drill_name"),
    "restore": ("TABLE", "restore_table"),
    "reprovision": ("BACKUP", "restore_backup"),
    "upgrade": ("SCOPE", "upgrade_scope"),
    "rotate": ("SECRET", "rotate_what"),
}


def received(tmp_path: Path, verb: str, word: str, variable: str) -> str:
    """What a playbook sees of one variable, by the command that make would run."""
    made = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", verb, word],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    play, out = tmp_path / "play.yml", tmp_path / "received"
    play.write_text(
        "- hosts: localhost\n  gather_facts: false\n  connection: local\n  tasks:\n"
        f'    - copy: {{dest: {out}, content: "{{{{ {variable} | to_json(ensure_ascii=false) }}}}"}}\n'
    )
    (command,) = [line for line in made.stdout.splitlines() if "ansible-playbook" in line]
    for playbook in (REPOSITORY / "playbooks").glob("*.yml"):
        command = command.replace(f"playbooks/{playbook.name}", str(play))
    done = subprocess.run(["sh", "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, command + done.stdout + done.stderr
    return out.read_text(encoding="utf-8")


@pytest.mark.patient
@pytest.mark.parametrize("verb", VARIABLES)
def test_a_value_arrives_letter_by_letter(tmp_path, verb):
    name, variable = VARIABLES[verb]
    assert json.loads(received(tmp_path, verb, f"{name}={ODD}", variable)) == ODD


@pytest.mark.patient
@pytest.mark.parametrize(
    ("typed", "risks"),
    [
        ("mutation", '["mutation"]'),
        ("mutation,unsafe", '["mutation", "unsafe"]'),
        ("mutation, unsafe ", '["mutation", "unsafe"]'),
        ("it's", '["it\'s"]'),
    ],
)
def test_risks_are_a_list_however_they_are_parted(tmp_path, typed, risks):
    assert received(tmp_path, "deploy", f"ALLOW={typed}", "clickhouse_schema_allow") == risks


def test_the_key_of_the_vault_is_rotated_by_itself():
    done = subprocess.run(
        ["make", "--dry-run", "rotate", "SECRET=vault,clickhouse_bi"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "make rotate SECRET=vault; then the others" in done.stderr
