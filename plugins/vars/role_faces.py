"""Gives every play what the roles of this project offer: their settings, and the values and facts of their faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.inventory.group import Group
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.vars import BaseVarsPlugin

DOCUMENTATION = """
name: role_faces
short_description: Settings and faces of all roles, for every play
description:
  - A role's face is C(roles/NAME/vars/main/face.yml), what others may read of it. Its settings are its C(defaults).
  - Both are known in every play, whatever roles it runs, below everything that an inventory says. Ansible itself shows
    them only to plays that import the role, which is why playbooks had to import roles for nothing but their variables.
  - Needs C(precedence) of ansible.cfg to begin with C(all_plugins_play), so that it is asked first.
"""

# A face may use the private values of its own role, so those come along; nobody else reads them.
PARTS = ("defaults/main.yml", "defaults/main/*.yml", "vars/main.yml", "vars/main/*.yml")


def repository_of(plugin: str) -> Path:
    """The repository that a plugin file of this folder belongs to."""
    return Path(plugin).resolve().parents[2]


class VarsModule(BaseVarsPlugin):
    """Entry point for Ansible."""

    def __init__(self) -> None:
        super().__init__()
        self._known: Group | None = None

    def get_vars(self, loader: DataLoader, path: str, entities: Any) -> dict[str, Any]:
        """Give the group of all hosts what it lacks; nothing is returned, which would rank above an inventory."""
        super().get_vars(loader, path, entities)
        for group in entities if isinstance(entities, list) else [entities]:
            if isinstance(group, Group) and group.name == "all" and group is not self._known:
                self._known = group
                for name, value in self._read(loader).items():
                    group.vars.setdefault(name, value)
        return {}

    def _read(self, loader: DataLoader) -> dict[str, Any]:
        variables: dict[str, Any] = {}
        for role in sorted((repository_of(__file__) / "roles").iterdir()):
            for part in PARTS:
                for file in sorted(role.glob(part)):
                    variables |= (
                        loader.load_from_file(str(file), cache="all", unsafe=True, trusted_as_template=True) or {}
                    )
        return variables
