"""A second deployment beside the first, a fresh server from a backup, and the end."""

from __future__ import annotations

import json
import subprocess

import pytest
from sources import ENABLED, unit_of

from .conftest import FRESH, INVENTORY, SERVER, SSH, Desk, Sink, address, settings

SECOND = "second"
TABLES = (
    "zakaz.stg_qtickets_orders",
    "zakaz.stg_qtickets_tickets",
    "zakaz.stg_qtickets_sheets_sales",
    "zakaz.dim_events",
    "zakaz.dim_ads",
    "zakaz.dim_city_alias",
    "zakaz.dm_sales_daily",
    "zakaz.dm_ads_daily",
    "zakaz.plan_sales",
)


def digests(desk: Desk, server: str) -> dict[str, str]:
    """Rows and a digest of every value of the tables and of what BI shows."""
    found = {
        table: desk.ask(
            f"SELECT count(), sum(cityHash64(tuple(*))) FROM {table} FINAL SETTINGS max_threads = 2", server
        )
        for table in TABLES
    }
    return found | {"bi": desk.ask("SELECT sum(revenue), sum(spend), count() FROM bi.v_marketing_roi_daily", server)}


@pytest.fixture(scope="module")
def second(desk: Desk, sink: Sink) -> str:
    """An inventory of a second deployment on the same server: another name, another port, as the documents say."""
    desk.copy_inventory(SECOND, SERVER, settings(sink) | {"zakaz_name": "second", "clickhouse_http_port": 8124})
    desk.lock(desk.vault(), SECOND)
    return SECOND


def files(desk: Desk) -> str:
    """Digests of the first deployment's files that a neighbour must not touch."""
    return desk.ssh(
        "sudo find /opt/zakaz /etc/systemd/system -name '*zakaz*' -type f -not -path '*/python-*' "
        "-not -path '*second*' -not -path '*/alerts/*' -not -path '*/metrics/*' -exec sha256sum {} + | sort -k 2"
    )


def test_a_second_deployment_leaves_the_first_alone(desk, second):
    before = files(desk)
    desk.make("deploy", inventory=second)
    assert files(desk) == before
    assert desk.make("deploy").changed == 0
    assert desk.make("deploy", inventory=second).changed == 0
    desk.make("status", inventory=second)


def test_a_folder_of_another_deployment_is_refused(desk, second):
    for verb in ("plan", "deploy", "remove CONFIRM=yes"):
        refused = desk.make(f"{verb} ARGS='-e zakaz_dir=/opt/zakaz'", expect=None, inventory=second)
        assert "/opt/zakaz" in refused.output
        assert "second" in refused.output
    desk.make("status")


def test_removing_the_second_leaves_the_first_alone(desk, second):
    before = files(desk)
    desk.make("remove", inventory=second)
    desk.make("remove CONFIRM=yes", inventory=second)
    assert (
        desk.ssh(
            "docker ps --all --format '{{.Names}}' 2>/dev/null || sudo docker ps --all --format '{{.Names}}'"
        ).count("second")
        == 0
    )
    assert "second" not in desk.ssh(
        "ls /etc/systemd/system /var/lib/prometheus/node-exporter 2>/dev/null; sudo ls /opt"
    )
    assert files(desk) == before
    desk.make("smoke")
    assert desk.make("deploy").changed == 0
    assert desk.make("history").output.count("deploy") > 2


def test_reprovision_a_fresh_server_from_the_backup(desk):
    desk.make("backup")
    before = digests(desk, SERVER)
    for unit in map(unit_of, ENABLED):
        desk.ssh(f"sudo systemctl stop {unit}.timer")
    hosts = desk.inventory / "hosts.yml"
    hosts.write_text(hosts.read_text().replace(SERVER, FRESH))
    main = desk.inventory / "group_vars/zakaz/main.yml"
    main.write_text(main.read_text().replace(json.dumps(address(SERVER)), json.dumps(address(FRESH))))

    asked = desk.make("reprovision", expect=None)
    assert asked.seconds < 60
    assert "/opt/zakaz-backups" in asked.output
    bring_backups(desk)
    # loaders would bring newer figures before they are compared
    later = " ".join(f"{source}_run_now=false {source}_schedule=yearly" for source in ENABLED)
    done = desk.make(f"reprovision ARGS='-e \"{later}\"'")
    assert done.changed > 0
    assert digests(desk, FRESH) == before
    desk.make("deploy")
    desk.make("status")
    assert desk.make("deploy").changed == 0


def bring_backups(desk: Desk) -> None:
    """As docs/operations/restore.md tells: from the old server (or from where copies are kept) to the fresh one."""
    desk.ssh(
        "sudo tar -C /opt -cf /home/deploy/backups.tar zakaz-backups && sudo chown deploy /home/deploy/backups.tar"
    )
    copy = [
        "scp",
        "-q",
        *SSH.split(),
        "-3",
        f"deploy@{address(SERVER)}:backups.tar",
        f"deploy@{address(FRESH)}:backups.tar",
    ]
    subprocess.run(copy, check=True)
    desk.ssh("sudo tar -C /opt -xf backups.tar", FRESH)


def test_remove_leaves_nothing_when_told_so(desk):
    desk.make("remove")
    desk.make("deploy")
    desk.make("remove CONFIRM=yes")
    assert desk.ssh("sudo docker ps --all --quiet; sudo docker volume ls --quiet", FRESH) == ""
    assert "zakaz-" not in desk.ssh("ls /etc/systemd/system", FRESH)


def test_every_verb_of_the_readme_was_typed(desk):
    readme = (desk.folder / "README.md").read_text(encoding="utf-8")
    verbs = {line.split("`")[1].removeprefix("make ") for line in readme.splitlines() if line.startswith("| `make ")}
    typed = {entry["verb"].split()[1] for entry in desk.typed if entry["code"] == 0}
    assert verbs - typed == set()
    assert INVENTORY in desk.typed[0]["verb"]
