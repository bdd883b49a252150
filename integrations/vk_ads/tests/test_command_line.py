"""The command line as systemd and an operator use it: exit codes, last lines, one run at a time."""

from __future__ import annotations

import fcntl
import json

import pytest

pytestmark = pytest.mark.patient


def last_line(result) -> dict:
    return json.loads(result.stdout.splitlines()[-1])


def test_a_dry_run_needs_nothing_and_says_what_it_is(bare_loader) -> None:
    result = bare_loader.command(
        "run",
        "--dry-run",
        CLICKHOUSE_HOST=None,
        CLICKHOUSE_USER=None,
        CLICKHOUSE_PASSWORD=None,
        LOADER_STATE_DIR="/nowhere",
    )
    assert result.returncode == 0, result.stdout
    assert "dry run in stub mode" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
    line = last_line(result)
    assert (line["event"], line["status"], line["dry_run"]) == ("run_finished", "success", True)
    assert (line["rows_written"], line["rows_rejected"], line["requests"]) == (0, 0, {})
    sums = next(one for one in map(json.loads, result.stdout.splitlines()) if one["event"] == "dry_run_result")
    assert sums["spend_by_city"] == {
        "unattributed": "540.05",
        "казань": "370.75",
        "орел": "45.10",
        "томск": "219.99",
    }
    assert sums["spend_total"] == "1175.89"


def test_a_quiet_run_still_gives_its_answer(bare_loader) -> None:
    """The deployment reads the last line, whatever the level of the log."""
    result = bare_loader.command("run", "--dry-run", LOADER_LOG_LEVEL="error")
    assert [json.loads(line)["event"] for line in result.stdout.splitlines()] == ["run_finished"]
    assert json.loads(result.stdout)["loader"] == "vk_ads"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"VK_ADS_WINDOW_DAYS": "0"}, "VK_ADS_WINDOW_DAYS"),
        ({"VK_ADS_VAT_RATE": "22"}, "VK_ADS_VAT_RATE"),
        ({"VK_ADS_CLEINT_ID": "1"}, "VK_ADS_CLIENT_ID"),
        ({"CLICKHOUSE_HOST": ""}, "CLICKHOUSE_HOST"),
        ({"VK_ADS_BASE_URL": "ads.vk.ru"}, "VK_ADS_BASE_URL"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(bare_loader, variables: dict[str, str], told: str) -> None:
    result = bare_loader.command("run", **variables)
    assert result.returncode == 78
    line = last_line(result)
    assert line["event"] == "run_failed"
    assert told in line["error"]
    assert "Traceback" not in result.stdout + result.stderr


def test_missing_credentials_are_told_at_once(loader, http_port) -> None:
    where = {"CLICKHOUSE_PORT": str(http_port), "CLICKHOUSE_USER": "default", "CLICKHOUSE_PASSWORD": ""}
    result = loader.command("run", **where, VK_ADS_CLIENT_ID="")
    assert result.returncode == 78
    assert "VK_ADS_CLIENT_ID is not set" in last_line(result)["error"]


def test_a_second_run_at_once_says_who_works_and_leaves(loader, tmp_path) -> None:
    with (tmp_path / "vk_ads.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = loader.command("run")
    assert result.returncode == 75
    assert "another run of vk_ads is working" in last_line(result)["error"]


def test_check_and_a_real_run_over_http(loader, api, http_port) -> None:
    where = {"CLICKHOUSE_PORT": str(http_port), "CLICKHOUSE_USER": "default", "CLICKHOUSE_PASSWORD": ""}
    where["LOADER_METRICS_FILE"] = str(loader.state_dir / "vk_ads.prom")
    found = loader.command("check", **where)
    assert found.returncode == 0, found.stdout
    assert "kabinet-1: " in found.stdout
    result = loader.command("run", **where)
    assert result.returncode == 0, result.stdout
    assert last_line(result)["rows_written"] > 0
    loader.assert_equal_to(api.season)
    assert last_line(loader.command("run", **where))["rows_written"] == 0
    status = loader.command("status", **where)
    assert '"dataset": "statistics"' in status.stdout
    metrics = (loader.state_dir / "vk_ads.prom").read_text()
    assert 'zakaz_loader_last_run_exit_code{loader="vk_ads"} 0.0' in metrics
    secret = loader.settings["vk_ads_client_secret"]
    tokens = (loader.state_dir / "vk_ads_tokens.json").read_text()
    [access] = {value["access_token"] for value in json.loads(tokens)["tokens"].values()}
    for text in (found.stdout, result.stdout, status.stdout, metrics):
        assert secret not in text
        assert access not in text
