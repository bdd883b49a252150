"""A small play through the repository's own ansible.cfg: what the operator sees, and the lookups as plays use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PLAY = """
- name: Small play
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    clickhouse_http_prot: 1
  tasks:
    - name: Write a file
      ansible.builtin.copy: {content: "new text\\n", dest: "{{ folder }}/file", mode: "0600"}
      diff: true
    - name: Tell something
      ansible.builtin.debug: {msg: [first line, second line]}
    - name: Pack a context
      ansible.builtin.debug:
        msg: "{{ query('build_context', 'requirements/loader.txt', root=repository, archives=folder ~ '/archives',
          inputs={'base': 'x'}) | map(attribute='digest') | first }}"
    - name: Pack what is not there
      ansible.builtin.debug: {msg: "{{ query('build_context', 'no/such', root=repository, archives=folder) }}"}
      ignore_errors: true
    - name: Spell
      ansible.builtin.debug: {msg: "{{ query('unknown_variables', repository ~ '/roles') | join('; ') }}"}
    - name: Render files
      ansible.builtin.assert:
        that:
          - query('rendered', *queries) == query('ansible.builtin.template', *queries)
          - lookup('rendered', queries[0], template_vars=other)
            == lookup('ansible.builtin.template', queries[0], template_vars=other)
      vars:
        column: "a\\tb"
        columns: [x, "{{ column }}"]
        queries: ["{{ folder }}/sql/1.sql.j2", "{{ folder }}/sql/2.sql.j2"]
        other: {columns: [z]}
    - name: Render the schema
      ansible.builtin.debug: {msg: "{{ query('schema_documents', folder ~ '/ddl') | to_json }}"}
      vars: {clickhouse_schema_definer: "{{ owner }}", owner: bi_owner}
    - name: Render a schema that is more than plain variables
      ansible.builtin.debug: {msg: "{{ query('schema_documents', folder ~ '/sql') }}"}
      ignore_errors: true
      register: not_plain
    - name: Tell why
      ansible.builtin.debug: {msg: "{{ not_plain.msg }}"}
    - name: Render what names an unknown variable
      ansible.builtin.debug: {msg: "{{ query('rendered', folder ~ '/unknown/1.sql.j2') }}"}
      ignore_errors: true
      register: refused
    - name: Tell why
      ansible.builtin.debug: {msg: "{{ refused.msg }}"}
    - name: Try three times
      ansible.builtin.shell: "echo >> {{ folder }}/tried; test $(wc -l < {{ folder }}/tried) -ge 3"
      register: tried
      until: tried is succeeded
      retries: 3
      delay: 0
    - name: Keep a secret
      ansible.builtin.command: {argv: ["false", "{{ folder }}/the-password"]}
      no_log: true
"""
TEMPLATES = {
    "sql/2.sql.j2": "SELECT {% for column in columns %}\n'{{ column }}',\n{% endfor %}\n'\\n' -- город\n\n",
    "sql/1.sql.j2": "-- {{ ansible_managed }}\n{% include 'comment.txt' %}SELECT '{{ '{{' }} {{ 'a\\tb' }} }}'",
    "sql/comment.txt": "-- {{ columns | length }}\n",
    "unknown/1.sql.j2": "SELECT 1,\n{{ no_such_column }}\n",
    "ddl/2.sql.j2": "SELECT '{{ clickhouse_schema_definer }}';\n",
    "ddl/1.sql.j2": "CREATE DATABASE x;\n\n",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the play prints, and its folder."""
    folder = tmp_path_factory.mktemp("play")
    (folder / "play.yml").write_text(PLAY, encoding="utf-8")
    for name, text in TEMPLATES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", "localhost,", "--diff", str(folder / "play.yml")),
            *("-e", f"folder={folder}", "-e", f"repository={REPOSITORY}"),
        ],
        cwd=REPOSITORY,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PYTHON_INTERPRETER": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout, folder


def test_changes_are_told_with_their_difference(shown):
    output, _ = shown
    assert "    changed: Write a file" in output
    assert "+new text" in output


def test_messages_are_printed_line_by_line(shown):
    assert "first line\nsecond line\n" in shown[0]


def test_a_context_is_packed_once_and_named_by_its_content(shown):
    output, folder = shown
    (archive,) = (folder / "archives").glob("*.tar")
    assert f"\n{archive.stem}\n" in output


def test_files_are_rendered_as_by_the_lookup_of_templates(shown):
    output, folder = shown
    assert "✗ Render files" not in output
    assert f"{folder}/unknown/1.sql.j2: 'no_such_column' is undefined" in output


def test_the_schema_is_rendered_in_order_by_its_own_renderer(shown):
    output, _ = shown
    documents = [
        {"name": "1.sql", "content": "CREATE DATABASE x;\n\n"},
        {"name": "2.sql", "content": "SELECT 'bi_owner';\n"},
    ]
    assert json.dumps(documents) in output
    assert "1.sql.j2:1: the variable ansible_managed is not defined." in output


def test_a_misspelt_variable_of_the_play_is_named(shown):
    assert "clickhouse_http_prot is not a variable of this project; did you mean clickhouse_http_port?" in shown[0]


def test_a_wait_is_told_once_and_ignored_errors_are_not(shown):
    output, _ = shown
    assert output.count("Try three times: trying again") == 1
    assert "✗ Pack what is not there" not in output


def test_a_failure_without_log_keeps_its_secret_and_the_recap_counts(shown):
    output, _ = shown
    assert "✗ Keep a secret [localhost]" in output
    assert "the-password" not in output
    assert "Time by phase" in output
    assert "localhost: ok=" in output and "failed=1" in output.splitlines()[-1]
