"""Find inventory variables that no role of this project knows: misspelt names, renamed settings."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: unknown_variables
short_description: List variables that carry a role's prefix but are no setting of it
description:
  - Compares the names of all variables of a host with the options in C(meta/argument_specs.yml) of the roles, and with
    their faces, C(vars/main/face.yml); those of sources are in C(zakaz_source_catalogue).
  - A name counts as meant for a role when it begins with the role's name and an underscore, or nearly equals a setting.
options:
  _terms:
    description: Folders that hold roles.
    required: true
"""

RETURN = """
_raw:
  description: One sentence for each unknown variable, with the closest known name.
  type: list
  elements: str
"""

# Likeness from which a name outside every role's prefix is taken for a misspelt prefix.
PREFIX_TYPO = 0.9


def known_settings(roles: Path) -> dict[str, set[str]]:
    """Map each role to the names of its settings.

    :param roles: folder with one folder a role
    :raises AnsibleLookupError: a role has no readable argument_specs.yml
    """
    settings: dict[str, set[str]] = {}
    for role in sorted(path for path in roles.iterdir() if path.is_dir()):
        spec = role / "meta" / "argument_specs.yml"
        try:
            content = yaml.safe_load(spec.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise AnsibleLookupError(f"{spec}: {error}") from error
        settings[role.name] = set(content["argument_specs"]["main"].get("options") or {})
    return settings


def known_faces(roles: Path) -> set[str]:
    """Names of what roles offer to each other; no inventory sets them.

    :param roles: folder with one folder a role
    :raises AnsibleLookupError: a face cannot be read
    """
    # what plugins/vars/sources.py adds to them
    names = {"zakaz_source_catalogue"}
    for face in sorted(roles.glob("*/vars/main/*.yml")):
        try:
            names |= set(yaml.safe_load(face.read_text(encoding="utf-8")) or {})
        except (OSError, yaml.YAMLError) as error:
            raise AnsibleLookupError(f"{face}: {error}") from error
    return names


def unknown_variables(names: list[str], settings: dict[str, set[str]], faces: Collection[str] = ()) -> list[str]:
    """Say which names look like a role's setting and are none.

    :param names: variable names of a host
    :param settings: role → its settings, from :func:`known_settings`
    :param faces: names that are no setting and known all the same, from :func:`known_faces`
    :returns: a sentence for each unknown name
    """
    known = set().union(*settings.values())
    sentences = []
    for name in sorted(set(names) - known - set(faces)):
        # vault_* is the documented place of the encrypted values; __* is private to a role
        if name.startswith(("vault_", "ansible_", "_")):
            continue
        ours = any(name.startswith(f"{role}_") for role in settings)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6 if ours else PREFIX_TYPO)
        if ours or near:
            hint = f"; did you mean {near[0]}?" if near else ""
            sentences.append(f"{name} is not a variable of this project{hint}")
    return sentences


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        settings: dict[str, set[str]] = {}
        faces: set[str] = set()
        for folder in terms:
            settings.update(known_settings(Path(folder)))
            faces |= known_faces(Path(folder))
        for name, source in (variables.get("zakaz_source_catalogue") or {}).items():
            settings[name] = set(source["argument_spec"])
        return unknown_variables([str(name) for name in variables], settings, faces)
