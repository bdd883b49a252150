"""Two operators at once: the second is told who and since when; what was left behind can be taken over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.patient

REPOSITORY = Path(__file__).parents[2]
PLAY = """
- name: Work under the lock
  hosts: zakaz
  gather_facts: false
  tasks:
    - name: Work, one operator at a time
      block:
        - name: Know the settings
          ansible.builtin.import_role: {name: zakaz}
        - name: Take the lock
          ansible.builtin.import_role: {name: deploy_lock, tasks_from: take}
        - name: Work
          ansible.builtin.shell: touch {{ lookup('env', 'WORKED') }}; {{ lookup('env', 'WORK') }}
      always:
        - name: Release the lock
          ansible.builtin.import_role: {name: deploy_lock, tasks_from: release}
"""
INVENTORY = """
zakaz:
  hosts:
    localhost:
      ansible_connection: local
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
  vars:
    zakaz_manages_units: false
"""
# who holds a lock on a machine that is not this one
ELSEWHERE = {
    "operator": "anna",
    "controller": "laptop",
    "playbook": "upgrade.yml",
    "commit": "0123456789ab",
    "process": {"machine": "another boot", "pid": 1, "start": "1"},
}


class Operator:
    """Somebody who runs the playbook on the host; the lock's file is the host's."""

    def __init__(self, folder: Path) -> None:
        self.lock = folder / "host.lock"
        self.worked = folder / "worked"
        self.playbook = folder / "work.yml"
        self.inventory = folder / "hosts.yml"
        self.playbook.write_text(PLAY)
        self.inventory.write_text(INVENTORY)

    def start(self, *arguments: str, work: str = "true") -> subprocess.Popen:
        """Start the playbook with a shell command for its work."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.inventory), str(self.playbook)]
        return subprocess.Popen(
            [*command, "-e", f"deploy_lock_path={self.lock}", *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "WORK": work, "WORKED": str(self.worked)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, work: str = "true") -> tuple[int, str]:
        """Run the playbook to its end: exit code and output."""
        process = self.start(*arguments, work=work)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def held_elsewhere(self, minutes: float) -> None:
        """Leave the lock of somebody on another machine, taken some minutes ago."""
        self.lock.write_text(json.dumps({**ELSEWHERE, "since": time.time() - 60 * minutes}))


@pytest.fixture
def operator(tmp_path):
    return Operator(tmp_path)


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.1)
    pytest.fail(f"{path} did not appear")


def test_lock_is_there_while_the_work_is_done_and_gone_afterwards(operator):
    copy = operator.lock.with_suffix(".copy")
    code, output = operator.run(work=f"cp {operator.lock} {copy}")
    assert code == 0, output
    assert "changed=1 " in output, "the work alone is a change"
    held = json.loads(copy.read_text())
    assert held["playbook"] == "work.yml"
    assert held["operator"]
    assert abs(held["since"] - time.time()) < 600
    assert not operator.lock.exists()


def test_second_operator_is_told_who_and_since_when_and_changes_nothing(operator):
    enough = operator.lock.with_suffix(".enough")
    first = operator.start(work=f"until [ -e {enough} ]; do sleep 0.1; done")
    wait_for(operator.worked)
    operator.worked.unlink()
    held = operator.lock.read_text()
    code, output = operator.run()
    assert code != 0
    assert "runs work.yml" in output
    assert time.strftime("since %Y-%m-%d") in output
    assert f"process {first.pid} of this machine" in output
    assert not operator.worked.exists()
    assert operator.lock.read_text() == held
    # a run that is alive cannot be broken into
    code, output = operator.run("-e", "deploy_lock_break=true", "-e", "deploy_lock_stale_minutes=0")
    assert code != 0
    assert not operator.worked.exists()
    enough.touch()
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output


def test_lock_is_released_after_a_failure(operator):
    code, output = operator.run(work="false")
    assert code != 0
    assert operator.worked.exists()
    assert not operator.lock.exists(), output


def test_lock_of_a_run_of_this_machine_that_was_killed_is_taken_over_with_a_word(operator):
    first = operator.start(work="sleep 30")
    wait_for(operator.worked)
    first.kill()
    first.communicate(timeout=60)
    assert operator.lock.exists()
    code, output = operator.run()
    assert code == 0, output
    assert "Took over a lock that was left behind" in output
    assert not operator.lock.exists()


def test_lock_of_another_machine_is_broken_on_request_only(operator):
    operator.held_elsewhere(minutes=90)
    code, output = operator.run()
    assert code != 0
    assert "anna@laptop runs upgrade.yml (commit 0123456789ab)" in output
    assert "(90 min ago)" in output
    assert "ARGS='-e deploy_lock_break=true'" in output
    assert not operator.worked.exists()
    code, output = operator.run("-e", "deploy_lock_break=true")
    assert code == 0, output
    assert operator.worked.exists()
    assert not operator.lock.exists()


def test_young_lock_of_another_machine_is_not_broken(operator):
    operator.held_elsewhere(minutes=10)
    code, output = operator.run("-e", "deploy_lock_break=true")
    assert code != 0
    assert "deploy_lock_stale_minutes=60" in output
    assert operator.lock.exists()
    assert operator.run("-e", "deploy_lock_break=true", "-e", "deploy_lock_stale_minutes=9")[0] == 0


def test_check_mode_takes_no_lock_and_says_who_has_it(operator):
    operator.held_elsewhere(minutes=1)
    held = operator.lock.read_text()
    code, output = operator.run("--check")
    assert code == 0, output
    assert "may be out of date: anna@laptop" in " ".join(output.split())
    assert operator.lock.read_text() == held
    operator.lock.unlink()
    assert operator.run("--check")[0] == 0
    assert not operator.lock.exists()


def test_file_that_says_nothing_is_somebodys_lock(operator):
    operator.lock.write_text("not ours")
    code, output = operator.run()
    assert code != 0
    assert "unknown works on it since" in output
    assert not operator.worked.exists()


def test_folder_that_is_not_there_ends_with_a_sentence(operator):
    operator.lock = operator.lock.parent / "missing" / "host.lock"
    code, output = operator.run()
    assert code != 0
    assert "set deploy_lock_path" in output
    assert "Traceback" not in output
