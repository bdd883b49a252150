#!/usr/bin/python
# Copyright (c) Zakaz Dashboard contributors
# MIT License (see LICENSE)
"""Ansible module: the declared ClickHouse schema made live."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: clickhouse_schema
short_description: Make a live ClickHouse catalogue equal to declared DDL
description:
  - Replays the declared DDL in a throw-away engine of the live server's version, reads both catalogues with the
    same queries, and plans typed operations, each with a risk.
  - Refuses what is not allowed before the first write, applies the rest, and plans again. The second plan is empty
    or the module fails.
  - When a statement fails, objects touched in the run are put back as they were as far as that loses nothing.
  - Never drops an object it does not know, and keeps the old table of a rebuild.
  - When neither the declared DDL nor the live catalogue changed since the last converged run, one query answers.
extends_documentation_fragment: [clickhouse_connection]
author:
  - Zakaz Dashboard contributors
attributes:
  check_mode:
    support: full
    description: Plans, counts and refuses as a real run would, and writes nothing.
  diff_mode:
    support: full
    description: Definitions of the objects that change, before and after, one clause a line.
  idempotent:
    support: full
    description: State is compared, not remembered; a second run changes nothing.
options:
  directory:
    description:
      - Directory on the target with rendered C(*.sql) files, applied in the order of their names.
      - Either this, O(files) or O(documents).
    type: path
  files:
    description: Rendered files on the target, in the order they are applied.
    type: list
    elements: path
  documents:
    description:
      - Rendered files by content, in the order they are applied. So nothing has to lie on the target, and check mode
        compares what a real run would.
    type: list
    elements: dict
    suboptions:
      name: {description: "Name of the file, as messages give it.", type: str, required: true}
      content: {description: "Its text.", type: str, required: true}
  scratch_command:
    description:
      - Command that takes an SQL script on standard input and runs it in an empty engine of the server's version,
        for instance C(docker run --rm -i IMAGE clickhouse local --multiquery).
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds the server may take for one statement; mutations are waited for.
    type: int
    default: 3600
  allow:
    description:
      - Risks allowed beyond the safe ones.
      - V(mutation) rewrites a column without loss; V(unsafe) may lose values, and is counted before, or takes from
        a view's readers a column, its type, its place or their right to read; V(destructive) drops columns or rows;
        V(rebuild) builds a table anew, compares and exchanges it, keeping the old.
    type: list
    elements: str
    choices: [mutation, unsafe, destructive, rebuild]
    default: []
  unmanaged:
    description: What to do about objects in the schema's databases that nothing declares.
    type: str
    choices: [report, fail, ignore]
    default: report
  report:
    description: Only report plan, refusals and drift; write nothing and do not fail for a refusal.
    type: bool
    default: false
  fast:
    description: Answer an unchanged schema from one query. Turn off to compare everything.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Apply the rendered schema
  clickhouse_schema:
    directory: /var/lib/zakaz/schema
    username: admin
    password: "{{ clickhouse_admin_password }}"
    scratch_command: [docker, run, --rm, --interactive, --network=none, --entrypoint=clickhouse,
                      "clickhouse/clickhouse-server:26.3", local, --multiquery]

- name: Widen a column that the templates now declare wider
  clickhouse_schema:
    directory: /var/lib/zakaz/schema
    username: admin
    password: "{{ clickhouse_admin_password }}"
    scratch_command: "{{ clickhouse_schema_scratch_command }}"
    allow: [mutation]

- name: See what stands apart from the templates
  clickhouse_schema:
    directory: /var/lib/zakaz/schema
    username: admin
    password: "{{ clickhouse_admin_password }}"
    scratch_command: "{{ clickhouse_schema_scratch_command }}"
    report: true
  register: drift
"""

RETURN = r"""
plan:
  description: Operations that were applied, or in check mode would be.
  returned: always
  type: list
  elements: dict
  sample: [{"object": "zakaz.dim_events", "operation": "alter", "risk": "safe", "changes": ["add column genre String"],
            "statements": ["ALTER TABLE ..."], "file": "201_zakaz.dim_events.sql", "line": 1}]
summary:
  description: The plan, one line an operation.
  returned: always
  type: list
  elements: str
refused:
  description: Sentences about changes that are not allowed, each with the variable that would allow it.
  returned: always
  type: list
  elements: str
drift:
  description: Objects missing, changed, extra, kept by a rebuild; broken views; stuck mutations.
  returned: always
  type: dict
kept:
  description: Old tables that rebuilds of this run put aside.
  returned: always
  type: list
  elements: str
fast_path:
  description: Whether one query answered.
  returned: always
  type: bool
engine_version:
  description: Version of the live server.
  returned: always
  type: str
run_id:
  description: The run in meta.schema_journal.
  returned: always
  type: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.zakaz_clickhouse.connection import CONNECTION_OPTIONS, connect
from ansible.module_utils.zakaz_clickhouse.failures import ClickHouseFailure
from ansible.module_utils.zakaz_schema.converge import ApplyFailure, Options, converge
from ansible.module_utils.zakaz_schema.failures import SchemaFailure
from ansible.module_utils.zakaz_schema.scratch import replay_with
from ansible.module_utils.zakaz_schema.statements import files_of, read_statements


def declared_paths(module: AnsibleModule) -> list[Path]:
    """The files that hold the declared schema, in order; documents are written to the module's own folder first."""
    params = module.params
    if params["files"]:
        return [Path(path) for path in params["files"]]
    if params["directory"]:
        return files_of(Path(params["directory"]))
    folder = Path(module.tmpdir) / "ddl"
    folder.mkdir()
    paths = []
    for document in params["documents"]:
        path = folder / Path(document["name"]).name
        path.write_text(document["content"], encoding="utf-8")
        paths.append(path)
    return paths


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path"},
            "files": {"type": "list", "elements": "path"},
            "documents": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "content": {"type": "str", "required": True},
                },
            },
            "scratch_command": {"type": "list", "elements": "str", "required": True},
            **CONNECTION_OPTIONS,
            "timeout": {"type": "int", "default": 3600},
            "allow": {
                "type": "list",
                "elements": "str",
                "choices": ["mutation", "unsafe", "destructive", "rebuild"],
                "default": [],
            },
            "unmanaged": {"type": "str", "choices": ["report", "fail", "ignore"], "default": "report"},
            "report": {"type": "bool", "default": False},
            "fast": {"type": "bool", "default": True},
        },
        mutually_exclusive=[("directory", "files", "documents")],
        required_one_of=[("directory", "files", "documents")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        outcome = converge(
            read_statements(declared_paths(module)),
            connect(params),
            replay_with(params["scratch_command"]),
            Options(
                allow=frozenset(params["allow"]),
                unmanaged=params["unmanaged"],
                check=module.check_mode,
                report=params["report"],
                fast=params["fast"],
            ),
        )
    except ApplyFailure as failure:
        module.fail_json(
            msg=str(failure),
            reverted=failure.reverted.done,
            not_reverted=failure.reverted.left,
            **failure.outcome.as_dict(),
        )
    except (SchemaFailure, ClickHouseFailure) as failure:
        module.fail_json(msg=str(failure))
    else:
        result = outcome.as_dict()
        if params["report"]:
            result["changed"] = False
        if module._diff and (outcome.diff.get("before") or outcome.diff.get("after")):
            result["diff"] = outcome.diff
        module.exit_json(**result)


if __name__ == "__main__":
    main()
