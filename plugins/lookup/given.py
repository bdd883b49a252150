"""Name the variables that somebody has given a value."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: given
short_description: Name the variables that have a value
description:
  - A text of blanks only is no value. One that cannot be evaluated is a value, and wrong; what is wrong with a secret
    is told by C(unusable_secrets), which names it.
options:
  _terms:
    description: Names of variables.
    required: true
"""

RETURN = """
_raw:
  description: Those names that have a value, in the same order.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[str]:
        return [name for name in terms if self._is_given((variables or {}).get(name))]

    def _is_given(self, text: Any) -> bool:
        try:
            value = self._templar.template(text)
        except AnsibleError:
            return True
        return value is not None and str(value).strip() != ""
