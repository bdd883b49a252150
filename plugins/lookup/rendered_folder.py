"""Render every template of a folder in one go."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template

DOCUMENTATION = """
name: rendered_folder
short_description: Render every template of a folder
description:
  - Gives what P(ansible.builtin.template#lookup) gives for each file, but does not copy all variables of the host for
    each one, which takes 50 ms with the hundreds of this project.
options:
  _terms:
    description: Folders on the controller; their files C(*.j2) are rendered in the order of their names.
    required: true
"""

RETURN = """
_raw:
  description: The rendered files, each with its C(name) without C(.j2) and its C(content).
  type: list
  elements: dict
"""


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms, variables=None, **kwargs):
        documents = []
        for folder in terms:
            templar = self._templar.copy_with_new_env(searchpath=[str(folder)])
            for path in sorted(Path(folder).glob("*.j2")):
                text = trust_as_template(self._loader.get_text_file_contents(str(path)))
                try:
                    content = templar.template(text, escape_backslashes=False)
                except AnsibleError as error:
                    raise AnsibleLookupError(f"{path}: {error}") from error
                documents.append({"name": path.stem, "content": content})
        return documents
