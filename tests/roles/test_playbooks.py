"""What a deployment must never lose from its playbook."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
SITE = (PLAYBOOKS / "site.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("earlier, later", [("clickhouse", "backup"), ("backup", "clickhouse_schema")])
def test_backups_are_set_up_as_soon_as_clickhouse_runs(earlier, later):
    assert SITE.index(f"import_role: {{name: {earlier}}}") < SITE.index(f"import_role: {{name: {later}}}")


def test_a_restore_comes_before_the_schema_and_the_loaders():
    restored = SITE.index("import_role: {name: restore, tasks_from: reprovision}")
    assert SITE.index("import_role: {name: backup}") < restored
    for role in ("clickhouse_schema", "sources", "smoke"):
        assert restored < SITE.index(f"import_role: {{name: {role}")


@pytest.mark.parametrize("playbook", sorted(PLAYBOOKS.glob("*.yml")), ids=lambda path: path.stem)
def test_every_play_knows_the_host_that_the_shared_settings_ask_about(playbook):
    for play in yaml.safe_load(playbook.read_text(encoding="utf-8")):
        if "hosts" in play:
            assert (play.get("gather_facts"), play.get("gather_subset")) == (True, ["!all", "min"])
