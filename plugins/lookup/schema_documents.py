"""Render the DDL templates as everybody renders them, with this host's values."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

# Ansible gives these to modules only
sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from zakaz_schema.failures import SchemaFailure
from zakaz_schema.templates import rendered_schema, variables_in

DOCUMENTATION = """
name: schema_documents
short_description: Render the DDL templates with this host's values
description:
  - Templates hold plain variables only, see C(module_utils/zakaz_schema/templates.py), whose renderer this is; a value
    may be Jinja.
options:
  _terms:
    description: Folders of templates C(*.sql.j2).
    required: true
"""

RETURN = """
_raw:
  description: Documents in the order they are applied, each with C(name) and C(content), as M(clickhouse_schema) takes
    them.
  type: list
  elements: dict
"""


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        documents = []
        for folder in map(Path, terms):
            try:
                texts = rendered_schema(folder, self._values(variables_in(folder), variables))
            except (OSError, SchemaFailure) as error:
                raise AnsibleLookupError(str(error)) from error
            documents += [{"name": name, "content": text} for name, text in texts.items()]
        return documents

    def _values(self, names: set[str], variables: Mapping[str, Any]) -> dict[str, object]:
        return {name: self._templar.template(variables[name]) for name in names if name in variables}
