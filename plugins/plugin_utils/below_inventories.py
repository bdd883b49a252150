"""What plugins/vars have in common: they give every play variables that any inventory may set otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.inventory.group import Group
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.vars import BaseVarsPlugin

REPOSITORY = Path(__file__).resolve().parents[2]


class BelowInventories(BaseVarsPlugin):
    """Gives the group of all hosts what it lacks, once; a plugin says in :meth:`offered` what that is.

    Needs ``precedence`` of ansible.cfg to begin with ``all_plugins_play``, so that it is asked first.
    """

    # one instance for the whole run: Ansible asks before every task, and else makes a new one each time
    is_stateless = True

    def __init__(self) -> None:
        super().__init__()
        self._known: Group | None = None

    def get_vars(self, loader: DataLoader, path: str, entities: Any) -> dict[str, Any]:
        """Give the group what it lacks; nothing is returned, which would rank above an inventory."""
        super().get_vars(loader, path, entities)
        for group in entities if isinstance(entities, list) else [entities]:
            if isinstance(group, Group) and group.name == "all" and group is not self._known:
                self._known = group
                for name, value in self.offered(loader).items():
                    group.vars.setdefault(name, value)
        return {}

    def offered(self, loader: DataLoader) -> dict[str, Any]:
        """The variables, by name."""
        raise NotImplementedError
