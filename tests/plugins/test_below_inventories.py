"""What plugins/vars give every play: the group of all hosts gets what it lacks, and an inventory is never overruled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleParserError
from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.parsing.dataloader import DataLoader
from below_inventories import REPOSITORY, BelowInventories
from vars import role_faces, sources


class Two(BelowInventories):
    """Offers two variables."""

    asked = 0

    def offered(self, loader: DataLoader) -> dict[str, Any]:
        self.asked += 1
        return {"one": 1, "two": 2}


def test_the_group_of_all_hosts_gets_what_it_lacks_once() -> None:
    plugin, everyone, others = Two(), Group("all"), Group("others")
    everyone.set_variable("two", "of the inventory")
    for entities in (everyone, [others, Host("h"), everyone]):
        assert plugin.get_vars(DataLoader(), ".", entities) == {}
    assert everyone.get_vars() == {"one": 1, "two": "of the inventory"}
    assert others.get_vars() == {}
    assert plugin.asked == 1
    another = Group("all")
    plugin.get_vars(DataLoader(), ".", another)
    assert another.get_vars() == {"one": 1, "two": 2}


def test_faces_and_sources_are_offered() -> None:
    assert "container_images_refs" in role_faces.VarsModule().offered(DataLoader())
    assert "zakaz_source_catalogue" in sources.VarsModule().offered(DataLoader())


def test_a_wrong_source_yml_stops_the_play_with_its_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "integrations/one").mkdir(parents=True)
    (tmp_path / "integrations/one/source.yml").write_text("title: One\ncolour: red\n")
    monkeypatch.setattr(sources, "REPOSITORY", tmp_path)
    with pytest.raises(AnsibleParserError, match=r"one/source.yml: unknown: colour; missing: kind"):
        sources.VarsModule().offered(DataLoader())


COUNTED = """
import sys
sys.path.append("plugins/plugin_utils")
from below_inventories import REPOSITORY, BelowInventories
from ansible.cli.playbook import main

made, make = [], BelowInventories.__init__
BelowInventories.__init__ = lambda self: made.append(type(self)) or make(self)
try:
    main()
finally:
    print("made", len(made))
"""


def test_ansible_makes_each_plugin_once_in_a_run(tmp_path: Path) -> None:
    """Not before every task, which was half of the time of a pass that changes nothing."""
    play = tmp_path / "play.yml"
    play.write_text("- hosts: all\n  gather_facts: false\n  tasks:\n" + "    - ansible.builtin.debug:\n" * 3)
    command = [sys.executable, "-c", COUNTED, "-i", "inventories/local", str(play)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "made 2", done.stdout + done.stderr
