"""The command line as an operator uses it, where it is this loader's own."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.patient


def test_a_dry_run_tells_spend_by_city(bare_loader) -> None:
    result = bare_loader.command("dry-run")
    sums = next(one for one in result.lines if one["event"] == "dry_run_result")
    assert sums["spend_by_city"] == {
        "unattributed": "540.05",
        "казань": "370.75",
        "орел": "45.10",
        "томск": "219.99",
    }
    assert sums["spend_total"] == "1175.89"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"VK_ADS_WINDOW_DAYS": "0"}, "VK_ADS_WINDOW_DAYS"),
        ({"VK_ADS_VAT_RATE": "22"}, "VK_ADS_VAT_RATE"),
        ({"VK_ADS_BASE_URL": "ads.vk.ru"}, "VK_ADS_BASE_URL"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(bare_loader, variables: dict[str, str], told: str) -> None:
    result = bare_loader.command("run", **variables)
    assert result.returncode == 78
    line = result.last
    assert line["event"] == "run_failed"
    assert told in line["error"]
    assert "Traceback" not in result.stdout + result.stderr


def test_missing_credentials_are_told_at_once(loader) -> None:
    result = loader.command("run", VK_ADS_CLIENT_ID="")
    assert result.returncode == 78
    assert "VK_ADS_CLIENT_ID is not set" in result.last["error"]


def test_check_names_the_cabinet_and_nothing_tells_its_access_token(loader) -> None:
    found = loader.command("check")
    assert found.returncode == 0, found.stdout
    assert "kabinet-1: " in found.stdout
    metrics = loader.state_dir / "vk_ads.prom"
    result, status = loader.command("run", LOADER_METRICS_FILE=str(metrics)), loader.command("status")
    assert '"dataset": "statistics"' in status.stdout
    assert 'zakaz_loader_last_run_exit_code{loader="vk_ads"} 0.0' in metrics.read_text()
    tokens = json.loads((loader.state_dir / "vk_ads_tokens.json").read_text())["tokens"]
    [access] = {value["access_token"] for value in tokens.values()}
    for text in (found.stdout, result.stdout, status.stdout, metrics.read_text()):
        assert access not in text
