"""A first load that takes longer than a run: the deployment says what goes on, and fails only for a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.sources import CATALOGUE, SALES, SOURCES, unit_of

pytestmark = pytest.mark.patient

ROOT = Path(__file__).resolve().parents[2]
COMMAND = """#!/bin/sh
# Ends as the next line of the script says: exit code, blank, JSON.
cd {directory} && n=$(cat runs 2>/dev/null || echo 0) && n=$((n + 1)) && echo $n > runs
line=$(sed -n "${{n}}p" script); [ -n "$line" ] || line=$(tail -n 1 script)
echo "${{line#* }}"
exit "${{line%% *}}"
"""


def cut(read):
    return 75, {"event": "run_failed", "rows_written": 100, "rows_read": read, "rows_rejected": 0, "duration_s": 1500,
                "error": "the run's deadline of 1500 s came",
                "interrupted": {"orders_read": read, "orders_total": 123_217}}  # fmt: skip


DONE = 0, {"event": "run_finished", "rows_written": 7, "rows_read": 9, "rows_rejected": 0, "duration_s": 3}
UNSET = 78, {"event": "run_failed", "rows_written": 0, "error": "its token is not set"}


class Deployment:
    """The part of the role that runs a loader once, against a command that ends as it is told."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def runs(self) -> int:
        return int((self.directory / "runs").read_text())

    def deploy(self, *ends, units, parts=3):
        """Exit code and output of a play; each run of the loader ends as the next of `ends`."""
        lines = [f"{code} {json.dumps(line)}" for code, line in ends]
        (self.directory / "script").write_text("\n".join(lines) + "\n")
        command = self.directory / unit_of(SALES)
        command.write_text(COMMAND.format(directory=self.directory))
        command.chmod(0o755)
        variables = {
            **yaml.safe_load((ROOT / "roles/loader/vars/main/private.yml").read_text()),
            "ansible_python_interpreter": sys.executable,
            "loader_name": SALES, "zakaz_name": "zakaz", "zakaz_dir": str(self.directory),
            "zakaz_manages_units": units, "loader_first_load_parts": parts,
        }  # fmt: skip
        tasks = [
            {"ansible.builtin.include_tasks": str(ROOT / "roles/loader/tasks/run.yml")},
            {"ansible.builtin.copy": {"content": "{{ loader_results }}", "dest": str(self.directory / "results"),
                                      "mode": "0600"}},
        ]  # fmt: skip
        play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}]
        (self.directory / "play.yml").write_text(yaml.safe_dump(play, allow_unicode=True))
        done = subprocess.run(
            [str(ROOT / ".venv/bin/ansible-playbook"), "-i", "localhost,", str(self.directory / "play.yml")],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"},
        )  # fmt: skip
        print(done.stdout, done.stderr)
        return done.returncode, " ".join(done.stdout.split())

    def results(self):
        return json.loads((self.directory / "results").read_text())[SALES]


@pytest.fixture
def deployment(tmp_path):
    return Deployment(tmp_path)


def test_with_timers_a_cut_first_load_is_left_to_them_and_said(deployment):
    code, said = deployment.deploy(cut(41_300), DONE, units=True)
    assert (code, deployment.runs()) == (0, 1)
    assert "the first load has read 41,300 of 123,217 orders so far" in said
    assert f"It goes on by itself ({SOURCES[SALES]['schedule']}); 'make deploy' goes on with it at once." in said
    assert deployment.results()["progress"] == "41,300 of 123,217 orders"


def test_without_timers_it_goes_on_until_it_is_over(deployment):
    code, said = deployment.deploy(cut(41_300), cut(82_000), DONE, units=False)
    assert (code, deployment.runs()) == (0, 3)
    assert "so far" not in said.replace("Say what goes on", "")
    assert deployment.results()["rows_read"] == 9 and deployment.results()["progress"] == ""


def test_without_timers_it_stops_after_the_parts_that_were_allowed(deployment):
    code, said = deployment.deploy(*[cut(1000 * n) for n in range(1, 9)], units=False, parts=3)
    assert (code, deployment.runs()) == (0, 4)
    assert "4,000 of 123,217 orders" in said and "Run 'make deploy' again to go on with it." in said


def test_no_part_is_run_when_none_is_allowed(deployment):
    code, said = deployment.deploy(cut(1000), DONE, units=False, parts=0)
    assert (code, deployment.runs()) == (0, 1) and "1,000 of 123,217 orders" in said


def test_a_part_that_fails_fails_the_deployment_with_its_sentence(deployment):
    code, said = deployment.deploy(cut(1000), UNSET, units=False)
    assert code != 0 and f"exit code 78: its token is not set. Mend {CATALOGUE[SALES]['mends'][0]}" in said


def test_a_first_run_that_fails_is_no_long_load(deployment):
    code, said = deployment.deploy(UNSET, DONE, units=False)
    assert (code != 0, deployment.runs()) == (True, 1)
    assert "its token is not set" in said


def test_a_run_that_ends_by_itself_changes_what_it_wrote(deployment):
    code, said = deployment.deploy(DONE, units=True)
    assert (code, deployment.runs()) == (0, 1) and "changed=2" in said  # the run, and this test's own file
