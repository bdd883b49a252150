"""The main job: a deployment that works, repeats without change and mends itself.

The tests build on each other and run in the order of the file.
"""

from __future__ import annotations

import json
import socket
import subprocess
from decimal import Decimal

import pytest

from tests.sources import ENABLED, SALES, SOURCES, required_secrets, service_secrets, services, services_on

from .conftest import NAME, REPOSITORY, ask, docker, play, rows, secret, trail, truth

pytestmark = pytest.mark.deploy
SECRETS = tuple(
    f"clickhouse_{user}"
    for user in ("admin", "bi_reader", "backup", *(SOURCES[source]["clickhouse"]["user"] for source in ENABLED))
)
SERVICES_ON = services_on(18081)
SERVICE_IDS = [f"{source}_{name}" for source, name, _ in services()]
TOKEN = required_secrets(SALES)[0]


def as_key(text: str) -> str:
    """A line whose city is written as people do, as the source's truth writes it."""
    return text.lower().replace("ё", "е")


def squeezed(line: str) -> str:
    """A line of the summary with its columns one space apart."""
    return " ".join(line.split())


def test_first_deployment_succeeds_and_says_where_things_are(deployed):
    assert deployed.code == 0
    assert deployed.counts["failed"] == 0
    assert "http://127.0.0.1:18123" in deployed.output
    assert "ROAS" in deployed.output
    assert "Time by phase" in deployed.output


def test_bi_shows_the_same_money_as_the_source_by_day_and_city(deployed):
    shown = {
        (row["d"], row["city"]): (
            Decimal(row["revenue"]),
            int(row["tickets_sold"]),
            Decimal(row["spend"]),
            int(row["clicks"]),
        )
        for row in rows("SELECT d, city, revenue, tickets_sold, spend, clicks FROM bi.v_marketing_roi_daily")
    }
    source = {
        (row["d"], row["city"]): (
            Decimal(row["revenue"]),
            int(row["tickets_sold"]),
            Decimal(row["spend"]),
            int(row["clicks"]),
        )
        for row in truth()
    }
    # the source lists no day and city on which nothing happened
    nothing = (Decimal(0), 0, Decimal(0), 0)
    assert len(source) > 100
    assert {key: figures for key, figures in shown.items() if figures != nothing} == {
        key: figures for key, figures in source.items() if figures != nothing
    }


def test_roas_in_the_summary_is_revenue_over_spend_of_the_source(deployed):
    checked = 0
    for row in truth():
        if Decimal(row["spend"]) and Decimal(row["revenue"]):
            line = f"{row['d']} {row['city']} "
            printed = [text for text in map(squeezed, deployed.output.splitlines()) if as_key(text).startswith(line)]
            if printed:
                roas = (Decimal(row["revenue"]) / Decimal(row["spend"])).quantize(Decimal("0.01"))
                assert abs(Decimal(printed[0].split()[-1]) - roas) <= Decimal("0.01")
                checked += 1
    assert checked > 0


def test_bi_reader_reads_bi_and_nothing_more(deployed):
    status, body = ask("SELECT count() FROM bi.v_marketing_roi_daily")
    assert (status, int(body) > 0) == (200, True)
    assert ask("CREATE TABLE bi.x (a UInt8) ENGINE = Memory")[0] != 200
    assert ask("SELECT count() FROM bi.v_marketing_roi_daily", user=None)[0] in (401, 403, 516)
    assert ask("SELECT 1", password="wrong")[0] in (401, 403)


@pytest.mark.parametrize(("source", "name", "service"), services(), ids=SERVICE_IDS)
def test_what_runs_beside_a_loader_has_no_more_rights_than_it_needs(deployed, source, name, service):
    settings = json.loads(docker("inspect", f"{NAME}-{service['container']}"))[0]
    host = settings["HostConfig"]
    assert settings["Config"]["User"] == "10001:10001"
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    published = {"HostIp": "127.0.0.1", "HostPort": str(SERVICES_ON[f"{source}_{name}_port"])}
    assert host["PortBindings"] == {f"{service['port']}/tcp": [published]}
    assert host["RestartPolicy"]["Name"] == "always"


def test_second_deployment_changes_nothing(deployed):
    again = play("site")
    assert again.code == 0
    assert again.counts["changed"] == 0
    assert again.counts["failed"] == 0


def test_check_mode_on_a_deployed_host_predicts_no_change_and_is_not_in_the_history(deployed):
    before = trail()
    check = play("site", flags=("--check", "--diff"))
    assert check.code == 0
    assert check.counts["changed"] == 0
    assert trail() == before


def test_check_mode_shows_a_changed_setting_and_no_secret(deployed):
    check = play("site", "clickhouse_log_level=debug", flags=("--check", "--diff"))
    assert check.code == 0
    assert check.counts["changed"] == 2, "the configuration and the container"
    assert "+        <level>debug</level>" in check.output
    for name in SECRETS:
        assert secret(name) not in check.output


def test_deployment_heals_after_the_volume_is_lost(deployed):
    before = rows("SELECT sum(revenue) AS revenue FROM bi.v_sales_daily")
    docker("rm", "--force", f"{NAME}-clickhouse")
    docker("volume", "rm", f"{NAME}-clickhouse-data")
    assert play("site").code == 0
    assert rows("SELECT sum(revenue) AS revenue FROM bi.v_sales_daily") == before


@pytest.mark.parametrize(("source", "name", "service"), services(), ids=SERVICE_IDS)
def test_what_is_turned_off_beside_a_loader_is_gone(deployed, source, name, service):
    assert play("site", f"{source}_{name}_enabled=false", flags=("--tags", source)).code == 0
    assert docker("ps", "--all", "--quiet", "--filter", f"name={NAME}-{service['container']}") == ""


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("clickhouse_http_prot=1", "did you mean clickhouse_http_port?"),
        ("preflight_min_free_disk_gb=100000", "lower preflight_min_free_disk_gb"),
        ("clickhouse_log_level=loud", "clickhouse_log_level"),
        (f"{TOKEN}=wrong", TOKEN),
        *((f"{name}=", name) for source, service, _ in services() for name in service_secrets(source, service)),
        ("clickhouse_memory=6m", "clickhouse_memory"),
    ],
)
def test_bad_input_ends_with_a_sentence_that_names_the_way_out(deployed, setting, sentence):
    refused = play("site", setting)
    assert refused.code != 0
    assert sentence in refused.output
    assert "Traceback" not in refused.output


def test_port_of_another_program_is_named(deployed):
    with socket.create_server(("127.0.0.1", 0)) as server:
        refused = play("site", f"clickhouse_http_port={server.getsockname()[1]}")
    assert refused.code != 0
    assert "Stop it, or set clickhouse_http_port to a free port" in refused.output


def test_mended_settings_bring_a_lost_container_back_with_its_data(deployed):
    """After all that was refused above."""
    before = rows("SELECT sum(revenue) AS revenue FROM bi.v_sales_daily")
    docker("rm", "--force", f"{NAME}-clickhouse")
    assert play("site").code == 0
    assert rows("SELECT sum(revenue) AS revenue FROM bi.v_sales_daily") == before


def test_no_secret_is_printed(deployed):
    for name in SECRETS:
        assert secret(name) not in deployed.output
        assert secret(name) not in docker("inspect", f"{NAME}-clickhouse")


def test_history_tells_who_did_what_with_which_result(deployed):
    git = ["git", "-C", str(REPOSITORY)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    changes = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    begun = [line for line in trail() if line["event"] == "begun"]
    assert begun[-1]["commit"] == commit
    assert begun[-1]["dirty"] == bool(changes)
    ended = {line["event"] for line in trail() if line["run"] == begun[-1]["run"]}
    assert ended == {"begun", "ended"}
    failed = [line["reason"] for line in trail() if line["event"] == "failed"]
    assert any("lower preflight_min_free_disk_gb" in reason for reason in failed)
    shown = play("history")
    assert shown.counts["changed"] == 0
    assert f"deploy  {commit[:10]}" in shown.output
    assert "lower preflight_min_free_disk_gb" in shown.output


def test_removal_leaves_nothing_behind(deployed):
    assert play("remove", "remove_data=true").code == 0
    ours = f"label=zakaz.deployment={NAME}"
    assert docker("ps", "--all", "--quiet", "--filter", ours) == ""
    assert docker("volume", "ls", "--quiet", "--filter", ours) == ""
    assert docker("network", "ls", "--quiet", "--filter", ours) == ""
