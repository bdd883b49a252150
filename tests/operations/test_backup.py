"""A backup survives what happens to servers, and what happens to backups is noticed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operations.conftest import NAME, Deployment, docker
from tests.sources import ENABLED, SALES, services, unit_of

pytestmark = pytest.mark.deploy


def corrupt(data: Path) -> None:
    with data.open("r+b") as file:
        file.seek(data.stat().st_size // 2)
        file.write(b"\xff\x00damage")


def truncate(data: Path) -> None:
    with data.open("r+b") as file:
        file.truncate(data.stat().st_size // 2)


def test_a_deployment_can_make_backups(deployed: Deployment) -> None:
    assert (deployed.folder / "host" / "zakaz-operations-backup").exists()
    assert (deployed.backups / ".zakaz-backups").exists()


def test_a_backup_is_proved_by_its_drill_and_noted(deployed: Deployment) -> None:
    deployed.succeed("backup")
    assert deployed.verdict(deployed.newest())["passed"]
    noted = deployed.ask("SELECT kind, status FROM meta.backup_runs ORDER BY started_at, kind FORMAT CSV")
    assert noted.splitlines() == ['"backup","success"', '"drill","success"']
    assert docker("ps", "--all", "--quiet", "--filter", "label=zakaz.drill") == ""


@pytest.mark.parametrize("damage", [corrupt, truncate, Path.unlink])
def test_a_damaged_backup_is_refused_and_nothing_live_is_touched(
    deployed: Deployment, damage: Callable[[Path], None]
) -> None:
    before = deployed.content()
    name = deployed.newest()
    kept = deployed.folder / "kept"
    shutil.copytree(deployed.backups / name, kept)
    try:
        damage(deployed.backups / name / "clickhouse.tar")
        for playbook, wanted in (("drill", f"backup_drill_name={name}"), ("restore", f"restore_backup={name}")):
            refused = deployed.play(playbook, wanted, "restore_confirm=true")
            assert refused.code != 0
            assert "clickhouse.tar" in refused.output
            assert "Traceback" not in refused.output
        assert deployed.content() == before
        assert deployed.play("status").output.count("the drill of") == 1
    finally:
        shutil.rmtree(deployed.backups / name)
        kept.rename(deployed.backups / name)


def test_one_table_comes_back_only_when_that_is_confirmed(deployed: Deployment) -> None:
    before = deployed.content()
    deployed.ask("INSERT INTO zakaz.plan_sales (month, city, revenue_plan, _ver) VALUES ('2026-02-01', 'чужой', 1, 1)")
    changed = deployed.content()
    refused = deployed.play("restore", "restore_table=zakaz.plan_sales")
    assert refused.code != 0
    assert "CONFIRM=yes" in refused.output
    assert deployed.content() == changed
    deployed.succeed("restore", "restore_table=zakaz.plan_sales", "restore_confirm=true")
    assert deployed.content() == before


def test_a_lost_volume_comes_back_with_one_command_and_loaders_go_on(deployed: Deployment, container: str) -> None:
    before = deployed.content()
    docker("rm", "--force", container, *(f"{NAME}-{service['container']}" for _, _, service in services()))
    docker("volume", "rm", f"{container}-data", *(f"{unit_of(source, NAME)}-state" for source in ENABLED))
    deployed.succeed("reprovision")
    assert deployed.content() == before
    # from the watermark: the first run ever read everything, this one only the lookback
    read = deployed.ask(f"SELECT rows_read FROM meta.etl_runs WHERE loader = '{SALES}' ORDER BY started_at").split()
    assert 0 < int(read[-1]) < int(read[0])
    again = deployed.succeed("reprovision")
    assert "are here already, nothing was done" in again.output
    assert deployed.content() == before
