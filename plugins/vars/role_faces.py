"""Gives every play what the roles of this project offer: their settings, and the values and facts of their faces."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader

sys.path.append(str(Path(__file__).resolve().parents[1] / "plugin_utils"))

from below_inventories import REPOSITORY, BelowInventories

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


class VarsModule(BelowInventories):
    """Entry point for Ansible."""

    def offered(self, loader: DataLoader) -> dict[str, Any]:
        """Settings and faces of all roles."""
        variables: dict[str, Any] = {}
        for role in sorted((REPOSITORY / "roles").iterdir()):
            for part in PARTS:
                for file in sorted(role.glob(part)):
                    variables |= (
                        loader.load_from_file(str(file), cache="all", unsafe=True, trusted_as_template=True) or {}
                    )
        return variables
