"""A run on several hosts: whose line it is, in the inventory's order; a run on one host stays as it was."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.roles.test_unready_inventories import run

pytestmark = pytest.mark.patient

# the first is the slowest to answer, and the alphabet's order is another
ORDER = ["web-c", "web-a", "web-b"]
PLAY = """
- name: Several
  hosts: zakaz
  gather_facts: false
  tasks:
    - name: Take a while
      ansible.builtin.command: "sleep {{ {'web-c': 0.9, 'web-a': 0.4, 'web-b': 0}[inventory_hostname] }}"
    - name: Write a file
      ansible.builtin.copy:
        content: "of {{ inventory_hostname }}\\n"
        dest: "{{ folder }}/{{ inventory_hostname }}"
        mode: "0600"
      diff: true
    - name: Screen
      ansible.builtin.debug:
        msg: ["", "  ok   ClickHouse  {{ inventory_hostname }}", "  ok   disk"]
    - name: Sentence
      ansible.builtin.debug: {msg: "one line of {{ inventory_hostname }}"}
    - name: One of them alone
      ansible.builtin.debug: {msg: "the second alone"}
      when: inventory_hostname == 'web-a'
    - name: Try again
      ansible.builtin.shell: "echo >> {{ file }}; test $(wc -l < {{ file }}) -ge 3"
      vars: {file: "{{ folder }}/tried-{{ inventory_hostname }}"}
      register: tried
      until: tried is succeeded
      retries: 3
      delay: 0
      changed_when: false
    - name: Warn
      ansible.builtin.command: "true"
      args: {creates: "{{ folder }}/none"}
      changed_when: false
    - name: Recover
      block:
        - name: Break
          ansible.builtin.command: "false"
          changed_when: false
          when: inventory_hostname == 'web-a'
      rescue:
        - name: Rescued
          ansible.builtin.debug: {msg: "rescued on {{ inventory_hostname }}"}
    - name: End
      ansible.builtin.fail: {msg: "bad on {{ inventory_hostname }}"}
      when: inventory_hostname != 'web-a'
"""


def shown(folder: Path, hosts: list[str], *words: str) -> list[str]:
    """Lines of the play on some hosts."""
    host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"zakaz": {"hosts": dict.fromkeys(hosts, host)}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory, sort_keys=False))
    (folder / "play.yml").write_text(PLAY)
    command = str(Path(sys.executable).with_name("ansible-playbook"))
    done: subprocess.CompletedProcess[str] = run(
        command, "-i", str(folder / "hosts.yml"), str(folder / "play.yml"), "--diff", "-e", f"folder={folder}", *words,
        ANSIBLE_PYTHON_INTERPRETER=sys.executable,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    # how long a task took is another question
    return re.sub(r" \(\d+ s\)$", "", done.stdout, flags=re.MULTILINE).splitlines()


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    return shown(tmp_path_factory.mktemp("several"), ORDER)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return shown(tmp_path_factory.mktemp("alone"), ["web-c"])


def hosts_of(lines: list[str], pattern: str) -> list[str]:
    return [match[1] for line in lines if (match := re.search(pattern, line))]


def test_changes_carry_their_host_in_the_inventorys_order(lines):
    assert hosts_of(lines, r"^    changed: Take a while \[(\S+)\]") == ORDER
    assert hosts_of(lines, r"^    changed: Write a file \[(\S+)\]") == ORDER


def test_a_difference_follows_its_own_change(lines):
    for host in ORDER:
        start = lines.index(f"    changed: Write a file [{host}]")
        assert f"+of {host}" in lines[start : start + 6]
    assert hosts_of(lines, r"^\+of (\S+)") == ORDER


def test_a_screen_stands_below_the_name_of_its_host(lines):
    assert hosts_of(lines, r"ClickHouse  (\S+)") == ORDER
    for host in ORDER:
        at = lines.index(f"  ok   ClickHouse  {host}")
        assert f"[{host}]" in lines[at - 2 : at]
        assert lines[at + 1] == "  ok   disk"


def test_a_sentence_begins_with_its_host(lines):
    said = [line for line in lines if "one line of" in line]
    assert said == [f"[{host}] one line of {host}" for host in ORDER]
    assert "[web-a] the second alone" in lines


def test_a_repeated_try_is_told_once_for_each_host(lines):
    assert sorted(hosts_of(lines, r"Try again \[(\S+)\]: trying again")) == sorted(ORDER)


def test_failures_and_the_recap_follow_the_inventory(lines):
    assert hosts_of(lines, r"✗ End \[(\S+)\]") == ["web-c", "web-b"]
    assert hosts_of(lines, r"^bad on (\S+)") == ["web-c", "web-b"]
    assert hosts_of(lines, r"^(\S+): ok=") == ORDER
    assert "✗ Break [web-a]" in "\n".join(lines)
    assert "[web-a] rescued on web-a" in lines


def test_all_of_a_task_is_said_before_the_next(lines):
    order = ["changed: Take a while", "changed: Write a file", "ClickHouse  ", "one line of", "the second alone"]
    where = [[number for number, line in enumerate(lines) if part in line] for part in order]
    assert all(max(earlier) < min(later) for earlier, later in pairwise(where))


def test_one_host_needs_no_name(alone):
    assert "    changed: Write a file" in alone
    assert "one line of web-c" in alone
    assert alone[alone.index("  ok   ClickHouse  web-c") - 1] == ""
    assert hosts_of(alone, r"\[(\S+)\]") == ["web-c"]  # the failure's
    assert "    … Try again: trying again" in alone


def test_a_limit_to_one_host_is_one_host(tmp_path):
    lines = shown(tmp_path, ORDER, "--limit", "web-c")
    assert "one line of web-c" in lines


def test_a_verbose_run_names_hosts_too(tmp_path):
    lines = shown(tmp_path, ORDER, "-v")
    assert hosts_of(lines, r"^    ok: Warn \[(\S+)\]") == ORDER
