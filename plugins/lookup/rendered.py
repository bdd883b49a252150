"""Render templates, as ansible.builtin.template does, without a copy of all variables for each."""

from __future__ import annotations

from collections import ChainMap
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template

DOCUMENTATION = """
name: rendered
short_description: Render templates, without a copy of all variables for each
description:
  - Gives what P(ansible.builtin.template#lookup) gives for each file. That one copies all variables of the host each
    time, which takes 50 ms with the hundreds of this project; the schema alone is forty files.
  - Templates include files of their own folder, and know C(ansible_managed), but no C(template_*).
options:
  _terms:
    description: Templates; relative ones are looked for in the folder C(templates) of the role.
    required: true
  template_vars:
    description: Further variables of the templates.
    type: dict
    default: {}
"""

RETURN = """
_raw:
  description: The rendered files.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        more = {"ansible_managed": constants.config.get_config_value("DEFAULT_MANAGED_STR")}
        seen = ChainMap(dict(self.get_option("template_vars")), variables, more)
        contents = []
        for term in terms:
            path = self.find_file_in_search_path(variables, "templates", term)
            if not path:
                raise AnsibleLookupError(f"the template {term} is nowhere")
            templar = self._templar.copy_with_new_env(available_variables=seen, searchpath=[str(Path(path).parent)])
            text = trust_as_template(self._loader.get_text_file_contents(path))
            try:
                contents.append(templar.template(text, escape_backslashes=False))
            except AnsibleError as error:
                raise AnsibleLookupError(f"{path}: {error}") from error
        return contents
