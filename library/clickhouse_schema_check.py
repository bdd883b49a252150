#!/usr/bin/python
# Copyright (c) Zakaz Dashboard contributors
# MIT License (see LICENSE)
"""Ansible module: the declared ClickHouse schema checked before it is applied."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: clickhouse_schema_check
short_description: Find in declared DDL what must not be there
description:
  - Reads rendered DDL and looks for what breaks later - wrong bytes, an order that works only once, keys that depend on
    the moment, missing service columns, Float money, DateTime without a zone, views that name missing columns or count
    rows twice.
  - Needs no server. Each finding names file, line, object and rule.
  - A statement may waive a rule with a comment C(-- schema-check&#58; allow RULE because REASON).
  - C(scripts/validate_clickhouse_schema.py) runs the same rules on the command line and lists them with C(--rules).
requirements:
  - sqlglot
author:
  - Zakaz Dashboard contributors
attributes:
  check_mode:
    support: full
    description: Only reads, so it does the same.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  directory:
    description:
      - Directory on the target with rendered C(*.sql) files, read in the order of their names.
      - Either this or O(files).
    type: path
  files:
    description: Rendered files on the target, in the order they are applied.
    type: list
    elements: path
"""

EXAMPLES = r"""
- name: Check the rendered schema
  clickhouse_schema_check:
    directory: /var/lib/zakaz/schema
"""

RETURN = r"""
findings:
  description: What must be mended.
  returned: always
  type: list
  elements: dict
  sample: [{"file": "501_bi.v_ads_daily.sql", "line": 12, "object": "bi.v_ads_daily", "rule": "view-final",
            "message": "zakaz.dm_ads_daily keeps old versions until a merge; read it with FINAL."}]
msg:
  description: The verdict.
  returned: always
  type: str
  sample: Schema validation passed.
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.zakaz_schema.check import check_files
from ansible.module_utils.zakaz_schema.failures import SchemaFailure
from ansible.module_utils.zakaz_schema.finding_formats import PASSED, as_text
from ansible.module_utils.zakaz_schema.statements import files_of


def main() -> None:
    module = AnsibleModule(
        argument_spec={"directory": {"type": "path"}, "files": {"type": "list", "elements": "path"}},
        mutually_exclusive=[("directory", "files")],
        required_one_of=[("directory", "files")],
        supports_check_mode=True,
    )
    params = module.params
    try:
        paths = [Path(p) for p in params["files"]] if params["files"] else files_of(Path(params["directory"]))
        findings = check_files(paths)
    except SchemaFailure as failure:
        module.fail_json(msg=str(failure), findings=[])
    except OSError as error:
        module.fail_json(msg=f"{error.filename} cannot be read: {error.strerror}.", findings=[])
    except ImportError as error:
        module.fail_json(msg=f"{error.name} is missing on the target; see requirements/target.txt.", findings=[])
    else:
        listed = [finding.as_dict() for finding in findings]
        if findings:
            module.fail_json(msg=as_text(findings), findings=listed)
        module.exit_json(changed=False, msg=PASSED, findings=[])


if __name__ == "__main__":
    main()
