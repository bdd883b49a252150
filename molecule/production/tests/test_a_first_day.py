"""Day 1: the plan of a fresh server, the deployment, its second pass, and what an operator looks at."""

from __future__ import annotations

import json

from sources import SALES, required_secrets, unit_of

TOKEN = required_secrets(SALES)[0]

SHEETS = {
    "events.csv": "event_id,name,city,event_date\n900001,Ёлка у губернатора,Орёл,20.12.2026\n",
    "sales.csv": "date,event_id,tickets_sold,revenue\n01.11.2026,900001,3,4500\n02.11.2026,900001,2,3000\n",
    "inventory.csv": "event_id,event_date,tickets_total,tickets_available\n900001,20.12.2026,100,95\n",
}


def test_a_vault_that_lies_open_and_one_that_is_missing_are_refused(desk):
    vault = desk.inventory / "group_vars/zakaz/vault.yml"
    locked = vault.read_bytes()
    vault.unlink()
    assert "Make it: make vault INVENTORY=" in desk.make("plan", expect=None).output
    desk.make("vault")
    assert TOKEN in desk.make("plan", expect=None).output
    vault.write_text(f'vault_{TOKEN}: "open"\n')
    assert "ansible-vault encrypt" in desk.make("plan", expect=None).output
    vault.write_bytes(locked)


def test_plan_of_a_fresh_server_changes_nothing(desk):
    planned = desk.make("plan")
    assert planned.changed > 0
    assert "sha256:" not in planned.output
    assert (
        desk.ssh("sudo ls -d /opt/zakaz /etc/systemd/system/zakaz-* 2>&1 || true", check=False).count("cannot access")
        == 2
    )


def test_deploy(desk):
    done = desk.make("deploy")
    assert done.changed > 0
    assert "10:00:00" not in done.output
    for secret in desk.vault().values():
        assert secret not in done.output


def test_deploy_again_changes_nothing(desk):
    assert desk.make("deploy").changed == 0


def test_the_history_begins_with_the_first_run_and_no_stage_of_a_build_stays(desk):
    first = json.loads(desk.ssh("sudo head -n 1 /opt/zakaz/history.jsonl"))
    assert (first["event"], first["verb"]) == ("begun", "deploy")
    assert desk.ssh("sudo docker images --quiet --filter dangling=true --filter label=zakaz.image") == ""


def test_plan_of_a_deployed_server_is_empty(desk):
    assert desk.make("plan").changed == 0


def test_looks_change_nothing(desk):
    assert "BAD" not in desk.make("status").output
    history = desk.make("history").output
    assert history.count("deploy") >= 2
    desk.make("smoke")
    assert desk.make("schema").changed == 0


def test_what_people_bring_is_imported_and_the_smoke_test_still_holds(desk, tmp_path):
    for name, text in SHEETS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    before = desk.ask("SELECT sum(revenue) FROM bi.v_sales_daily")
    assert "900001" in desk.make(f"import-sheets DIR={tmp_path} EXPLAIN=1").output
    assert desk.ask("SELECT sum(revenue) FROM bi.v_sales_daily") == before
    assert desk.make(f"import-sheets DIR={tmp_path}").changed > 0
    assert desk.make(f"import-sheets DIR={tmp_path}").changed == 0
    assert float(desk.ask("SELECT sum(revenue) FROM bi.v_sales_daily")) - float(before) == 7500

    plan = tmp_path / "plan.csv"
    plan.write_text("Месяц;Город;Билеты;Выручка\nноябрь 2026;Орёл;120;150 000,50\n", encoding="utf-8")
    assert desk.make(f"import-plan FILE={plan}").changed > 0
    aliases = tmp_path / "aliases.csv"
    aliases.write_text("alias;city;city_name\nOrl;Орёл;Орёл\n", encoding="utf-8")
    assert desk.make(f"import-city-aliases FILE={aliases}").changed > 0
    desk.make("smoke")
    assert desk.make("deploy").changed == 0


def test_the_installed_command_reads_a_folder_of_the_server(desk):
    desk.ssh("sudo mkdir -p /srv/sheets && sudo chmod 0755 /srv/sheets")
    desk.ssh(f"sudo tee /srv/sheets/sales.csv > /dev/null <<'CSV'\n{SHEETS['sales.csv']}CSV")
    assert "900001" in desk.ssh(f"sudo /opt/zakaz/{unit_of(SALES)} import-sheets --dir /srv/sheets --explain")
