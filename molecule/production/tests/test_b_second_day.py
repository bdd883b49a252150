"""Day 2: messages, a failure and its end, timers, a rotation, a backup, an upgrade and a rollback."""

from __future__ import annotations

import subprocess
import time

from sources import ADVERTISING, ENABLED, SALES, SOURCES, required_secrets, unit_of

from .conftest import SECRETS_OF_THE_CABINETS, Desk

# two loaders: their units, the passwords of their users, and what make rotate calls these
FIRST, OTHER = unit_of(SALES), unit_of(ADVERTISING)
PASSWORD, OTHER_PASSWORD = (SOURCES[source]["clickhouse"]["password"] for source in (SALES, ADVERTISING))
ROTATES, OTHER_ROTATES = (SOURCES[source]["clickhouse"]["rotates_as"] for source in (SALES, ADVERTISING))
TOKEN = required_secrets(SALES)[0]
# what asks a server for the image that the other runs
IMAGE = f"sudo grep -o 'zakaz/{OTHER.removeprefix('zakaz-')}:[0-9a-f]*' /opt/zakaz/{OTHER}"


def test_a_test_message_is_received(desk, sink):
    desk.make("alert-test")
    sink.wait(event="test")


def test_a_loader_that_cannot_log_in_is_told_and_shown(desk, sink):
    desk.edit_vault(**{f"vault_{TOKEN}": "revoked"})
    failed = desk.make("deploy", expect=None)
    assert TOKEN in failed.output
    assert "BAD" in desk.make("status", expect=None).output
    # as the timer would
    desk.ssh(f"sudo systemctl start {FIRST}.service", check=False)
    heard = sink.wait(event="firing", subject=FIRST)
    assert "loader-failed.md" in str(heard)

    desk.edit_vault(**{f"vault_{TOKEN}": SECRETS_OF_THE_CABINETS[f"vault_{TOKEN}"]})
    desk.make("deploy")
    sink.wait(event="resolved", subject=FIRST)
    assert "BAD" not in desk.make("status").output


def test_what_is_broken_on_the_server_is_named(desk):
    desk.ssh(f"sudo mv /opt/zakaz/{ADVERTISING}.env /opt/zakaz/{ADVERTISING}.away")
    assert f"/opt/zakaz/{ADVERTISING}.env" in desk.make("status", expect=None).output
    desk.ssh(f"sudo mv /opt/zakaz/{ADVERTISING}.away /opt/zakaz/{ADVERTISING}.env")

    desk.ssh(f"sudo systemctl disable --now {OTHER}.timer")
    assert f"{OTHER}.timer" in desk.make("status", expect=None).output

    desk.ssh("sudo systemctl stop docker.socket docker.service")
    told = desk.make("status", expect=None).output
    assert "Docker" in told
    assert "because Docker does not" in told
    desk.ssh("sudo systemctl start docker.service")

    desk.ssh("sudo rm /opt/zakaz/python/bin/python")
    assert "make deploy" in desk.make("status", expect=None).output
    assert desk.make("deploy").changed > 0
    desk.make("status")


def test_rules_for_prometheus_are_valid(desk, tmp_path):
    rules = tmp_path / "zakaz.rules.yml"
    rules.write_text(desk.ssh("sudo cat /opt/zakaz/zakaz.rules.yml"), encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", str(rules)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_timers_run_by_themselves(desk):
    for unit in (*map(unit_of, ENABLED), "zakaz-watch"):
        until = time.monotonic() + 400
        while not (last := triggered(desk, unit)) and time.monotonic() < until:
            time.sleep(5)
        assert last, desk.ssh("systemctl list-timers 'zakaz-*'")
        result = desk.ssh(f"systemctl show --property=Result --value {unit}.service")
        assert result == "success", unit


def triggered(desk: Desk, unit: str) -> str:
    """When its timer last started it; empty for never."""
    return desk.ssh(f"systemctl show --property=LastTriggerUSec --value {unit}.timer")


def test_rotate_changes_the_named_secret_alone(desk):
    before = desk.vault()
    new = {f"vault_{PASSWORD}": "n" * 32}
    desk.edit_vault(**new, **{f"vault_{OTHER_PASSWORD}": "other" * 8})
    refused = desk.make(f"rotate SECRET={ROTATES}", expect=None)
    assert OTHER_ROTATES in refused.output
    desk.lock(before | new)
    desk.make(f"rotate SECRET={ROTATES}")
    desk.ssh(f"sudo systemctl start {FIRST}.service")
    desk.ssh(f"sudo systemctl start {OTHER}.service")
    desk.edit_vault(**{f"vault_{OTHER_PASSWORD}": "v" * 32}, vault_clickhouse_bi_password="b" * 32)
    desk.make(f"rotate SECRET={OTHER_ROTATES},clickhouse_bi")
    assert desk.make("deploy").changed == 0


def test_schema_change_is_planned_and_applied(desk):
    view = desk.folder / "templates/ddl/599_bi_v_mine.sql.j2"
    view.write_text(
        "CREATE OR REPLACE VIEW bi.v_mine AS\nSELECT d, city, revenue FROM bi.v_sales_daily;\n", encoding="utf-8"
    )
    assert "v_mine" in desk.make("plan").output
    assert desk.make("schema").changed > 0
    assert desk.ask("SELECT count() > 0 FROM bi.v_mine") == "1"
    view.unlink()


def test_backup_drill_and_restore(desk):
    desk.make("backup")
    desk.make("drill")
    plan = "SELECT count(), sum(revenue_plan) FROM zakaz.plan_sales FINAL"
    before = desk.ask(plan)
    desk.ask(
        "INSERT INTO zakaz.plan_sales (month, city, revenue_plan, tickets_plan, _ver) "
        "VALUES ('2026-01-01', 'spoiled', 1, 1, 1)"
    )
    asked = desk.make("restore TABLE=zakaz.plan_sales", expect=None)
    assert "CONFIRM=yes" in asked.output
    desk.make("restore TABLE=zakaz.plan_sales CONFIRM=yes")
    assert desk.ask(plan) == before


def test_upgrade_and_rollback(desk):
    desk.make("upgrade")
    first = desk.commit(f"integrations/{ADVERTISING}/src/{ADVERTISING}/__init__.py", "# another image\n")
    before = desk.ssh(IMAGE)
    desk.make("upgrade SCOPE=loaders")
    after = desk.ssh(IMAGE)
    assert after != before
    desk.make("deploy")
    desk.make("rollback")
    assert desk.ssh(IMAGE) == before
    assert first in desk.make("history").output or first[:10] in desk.make("history").output
    desk.make("status")
    desk.make("deploy")
