"""The kernel's settings: kept in files, set at once, left alone when they are right, taken off again.

A container must not touch the kernel of its host, so the two commands that would are stand-ins here, over a folder that
plays the kernel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.patient

REPOSITORY = Path(__file__).parents[2]
PLAY = """
- name: Tune
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: Know the settings
      ansible.builtin.import_role: {name: zakaz}
    - name: Tune
      ansible.builtin.import_role: {name: system_tuning}
"""
COMMANDS = {
    "sysctl": """
case $1 in
--values) shift; for name; do cat "$KERNEL/$name"; done ;;
--quiet)
    sed -n 's/^\\([a-z._]*\\) = \\(.*\\)/\\1 \\2/p' "$3" |
        while read -r name value; do echo "$value" >"$KERNEL/$name"; done ;;
esac""",
    "systemd-tmpfiles": """
sed -n 's/^w .* //p' "$2" | while read -r value; do echo "[$value]" >"$KERNEL/pages"; done""",
}


class Host:
    """A kernel made of files, and the folders that its settings are kept in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kernel = folder / "kernel"
        self.sysctl_file = folder / "sysctl.conf"
        self.tmpfiles_file = folder / "tmpfiles.conf"
        (folder / "bin").mkdir()
        self.kernel.mkdir()
        for name, script in COMMANDS.items():
            command = folder / "bin" / name
            command.write_text(f"#!/bin/sh\n{script}\n")
            command.chmod(0o755)
        for name, value in {"vm.swappiness": "60", "vm.overcommit_memory": "2", "pages": "[always] madvise"}.items():
            (self.kernel / name).write_text(value + "\n")
        (folder / "tune.yml").write_text(PLAY)

    def tune(self, *arguments: str, in_container: bool = False, check: bool = False) -> str:
        """Run the role; return the recap."""
        paths = {
            "__system_tuning_sysctl_file": self.sysctl_file,
            "__system_tuning_tmpfiles_file": self.tmpfiles_file,
            "__system_tuning_switch": self.kernel / "pages",
            "zakaz_manages_units": "true",
        }
        command = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "-i",
            "localhost,",
            str(self.folder / "tune.yml"),
        ]
        for name, value in paths.items():
            command += ["-e", f"{name}={value}"]
        command += ["-e", json.dumps({"preflight_host": {"container": in_container}})]
        for argument in arguments:
            command += ["-e", argument]
        done = subprocess.run(
            [*command, *(["--check"] if check else [])],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "ANSIBLE_NOCOLOR": "1",
                "KERNEL": str(self.kernel),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip().splitlines()[-1]

    @property
    def live(self) -> dict[str, str]:
        """What the kernel has."""
        return {file.name: file.read_text().strip() for file in self.kernel.iterdir()}


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


TUNED = {"vm.swappiness": "1", "vm.overcommit_memory": "0", "pages": "[madvise]"}
UNTUNED = {"vm.swappiness": "60", "vm.overcommit_memory": "2", "pages": "[always] madvise"}


def test_settings_are_predicted_then_set_and_kept_then_left_alone(host):
    predicted = host.tune(check=True)
    assert "changed=2 " in predicted
    assert host.live == UNTUNED
    done = host.tune()
    assert "changed=4 " in done
    assert host.live == TUNED
    assert "vm.swappiness = 1" in host.sysctl_file.read_text()
    assert "madvise" in host.tmpfiles_file.read_text()
    assert "changed=0 " in host.tune()


def test_setting_that_was_changed_by_hand_is_set_again(host):
    host.tune()
    (host.kernel / "vm.swappiness").write_text("60\n")
    assert "changed=1 " in host.tune()
    assert host.live == TUNED


def test_a_container_leaves_the_kernel_alone(host):
    assert "changed=0 " in host.tune(in_container=True)
    assert host.live == UNTUNED
    assert not host.sysctl_file.exists()


def test_turned_off_takes_the_files_away(host):
    host.tune()
    assert "changed=1 " in host.tune("system_tuning_enabled=false")
    assert not host.sysctl_file.exists()
    assert not host.tmpfiles_file.exists()
    assert "changed=0 " in host.tune("system_tuning_enabled=false")


def test_huge_pages_can_be_left_to_the_system(host):
    host.tune("system_tuning_huge_pages=")
    assert host.live == {**TUNED, "pages": "[always] madvise"}
    assert not host.tmpfiles_file.exists()
