"""Each alert rule fires when its condition is true, and only then; a healthy week is silent. Judged by promtool."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.modules.clickhouse_server import REPOSITORY
from tests.programs import require_program

RULES = REPOSITORY / "roles" / "watch" / "files" / "zakaz.rules.yml"
# What the watch writes, every five minutes.
STEP = 300
WEEK = 7 * 86400
DAY = 86400
LOADER = 'deployment="zakaz",loader="qtickets_api"'
GB = 1e9

Series = dict[str, Callable[[int], float | None]]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [require_program("promtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def rules() -> list[dict]:
    return yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]


NAMES = {rule["alert"] for rule in rules()}


def healthy() -> Series:
    """A deployment that is well: what its metrics are at each second of the week."""

    def last_run(t: int) -> int:
        # each half hour, and the loader takes two to four minutes
        start = t // 1800 * 1800
        end = start + 120 + (start // 1800 * 37) % 120
        return end if end <= t else start - 1800 + 180

    def disk_free(t: int) -> float:
        # grows by 200 MB a day; a nightly backup of 3 GB takes the place of an older one two hours later
        night = 3 * GB if 3 * 3600 <= t % DAY < 5 * 3600 else 0
        return 38 * GB - 0.2 * GB * t / DAY - night

    return {
        "zakaz_watch_last_run_timestamp_seconds{deployment='zakaz'}": lambda t: t,
        "zakaz_watch_waiting_messages{deployment='zakaz'}": lambda t: 1 if t == 90 * STEP else 0,
        # one look fell into a restart
        "zakaz_clickhouse_up{deployment='zakaz'}": lambda t: 0 if t == 100 * STEP else 1,
        f"zakaz_loader_freshness_limit_seconds{{{LOADER}}}": lambda t: 4500,
        f"zakaz_loader_last_success_timestamp_seconds{{{LOADER}}}": last_run,
        # once another run held the lock
        f"zakaz_loader_last_run_exit_code{{{LOADER}}}": lambda t: 75 if 3600 < t < 5400 else 0,
        f"zakaz_rejected_records{{{LOADER}}}": lambda t: 0,
        # one deployment changed the schema
        "zakaz_schema_drift{deployment='zakaz'}": lambda t: 1 if t == 200 * STEP else 0,
        "zakaz_stuck_mutations{deployment='zakaz'}": lambda t: 1 if t == 210 * STEP else 0,
        "zakaz_parts_in_partition_max{deployment='zakaz'}": lambda t: 30 + 25 * math.sin(t / 3600),
        "zakaz_backup_drilled_timestamp_seconds{deployment='zakaz'}": lambda t: (t - 5 * 3600) // DAY * DAY + 5 * 3600,
        "zakaz_backup_drill_failed{deployment='zakaz'}": lambda t: 0,
        "zakaz_disk_free_bytes{deployment='zakaz',path='/'}": disk_free,
        "zakaz_disk_size_bytes{deployment='zakaz',path='/'}": lambda t: 100 * GB,
        "zakaz_memory_available_bytes{deployment='zakaz'}": lambda t: 900e6 + 300e6 * math.sin(t / 5000),
        "zakaz_certificate_expiry_timestamp_seconds{deployment='zakaz',endpoint='a:443'}": lambda t: 40 * DAY,
    }


def fired(tmp_path: Path, series: Series, seconds: int) -> set[str]:
    """Let promtool evaluate the rules over the series, and return the alerts that fired at any time.

    promtool compares with expectations only, so it is told to expect nothing and its complaint is read.
    """
    inputs = []
    for name, value in series.items():
        samples = [value(t) for t in range(0, seconds + 1, STEP)]
        text = " ".join("_" if sample is None else repr(float(sample)) for sample in samples)
        inputs.append({"series": name.replace("'", '"'), "values": text})
    test = {
        "rule_files": [str(RULES)],
        "evaluation_interval": f"{STEP}s",
        "tests": [
            {
                "interval": f"{STEP}s",
                "input_series": inputs,
                "promql_expr_test": [
                    {
                        "expr": f'max by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{2 * seconds}s]))',
                        "eval_time": f"{seconds}s",
                        "exp_samples": [],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(test, width=10**9))
    done = promtool("test", "rules", file)
    said = done.stdout + done.stderr
    found = {name for name in NAMES if f'alertname="{name}"' in said}
    assert bool(found) == (done.returncode != 0), said
    return found


def test_rules_are_valid():
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_healthy_week_is_silent(tmp_path):
    assert fired(tmp_path, healthy(), WEEK) == set()


def after(hour: float, sick: Callable[[int], float | None], well: Callable[[int], float | None]) -> Callable:
    """Well until an hour of the test, sick from then on."""
    return lambda t: sick(t) if t >= hour * 3600 else well(t)


LAST_SUCCESS = f"zakaz_loader_last_success_timestamp_seconds{{{LOADER}}}"
WATCH = "zakaz_watch_last_run_timestamp_seconds{deployment='zakaz'}"
FREE = "zakaz_disk_free_bytes{deployment='zakaz',path='/'}"
DRILLED = "zakaz_backup_drilled_timestamp_seconds{deployment='zakaz'}"

# alert → series → its value, and the hours the test lasts
SICKNESSES: dict[str, tuple[str, Callable[[int], float | None], float]] = {
    "ZakazLoaderStale": (LAST_SUCCESS, after(2, lambda t: 7000, healthy()[LAST_SUCCESS]), 4),
    "ZakazLoaderSilent": (LAST_SUCCESS, lambda t: None, 2),
    "ZakazLoaderFailed": (f"zakaz_loader_last_run_exit_code{{{LOADER}}}", after(1, lambda t: 69, lambda t: 0), 2),
    "ZakazRecordsRejected": (f"zakaz_rejected_records{{{LOADER}}}", after(1, lambda t: 1, lambda t: 0), 2),
    "ZakazClickHouseDown": ("zakaz_clickhouse_up{deployment='zakaz'}", after(1, lambda t: 0, lambda t: 1), 2),
    "ZakazSchemaDrift": ("zakaz_schema_drift{deployment='zakaz'}", after(1, lambda t: 1, lambda t: 0), 2),
    "ZakazMutationStuck": ("zakaz_stuck_mutations{deployment='zakaz'}", after(1, lambda t: 2, lambda t: 0), 2),
    "ZakazTooManyParts": ("zakaz_parts_in_partition_max{deployment='zakaz'}", after(1, lambda t: 301, lambda t: 9), 3),
    "ZakazDiskFills": (FREE, lambda t: 38 * GB - 10 * GB * t / DAY, 26),
    "ZakazDiskLow": (FREE, after(1, lambda t: 9.9 * GB, lambda t: 9.9 * GB), 2),
    "ZakazMemoryLow": ("zakaz_memory_available_bytes{deployment='zakaz'}", after(1, lambda t: 1e8, lambda t: 1e9), 2),
    "ZakazBackupOld": (DRILLED, lambda t: 5 * 3600 - DAY, 9),
    "ZakazBackupDrillFailed": ("zakaz_backup_drill_failed{deployment='zakaz'}", lambda t: 1, 1),
    "ZakazCertificateExpires": (
        "zakaz_certificate_expiry_timestamp_seconds{deployment='zakaz',endpoint='a:443'}",
        lambda t: 14 * DAY + 1800,
        2,
    ),
    "ZakazAlertsUndelivered": (
        "zakaz_watch_waiting_messages{deployment='zakaz'}",
        after(1, lambda t: 3, lambda t: 0),
        2,
    ),
    "ZakazWatchSilent": (WATCH, after(1, lambda t: None, lambda t: t), 2),
}


def test_every_rule_has_a_sickness():
    assert set(SICKNESSES) == NAMES


@pytest.mark.parametrize("alert", sorted(SICKNESSES))
def test_rule_fires_when_its_condition_is_true_and_no_other_does(tmp_path, alert):
    series, value, hours = SICKNESSES[alert]
    assert fired(tmp_path, healthy() | {series: value}, int(hours * 3600)) == {alert}


@pytest.mark.parametrize(
    ("alert", "series", "value", "hours"),
    [
        # the watch writes no more, but node exporter still serves its last file
        ("ZakazWatchSilent", WATCH, after(1, lambda t: 3600, lambda t: t), 2),
    ],
    ids=["frozen file"],
)
def test_rule_fires_in_its_other_case_too(tmp_path, alert, series, value, hours):
    assert fired(tmp_path, healthy() | {series: value}, hours * 3600) == {alert}


def test_no_data_at_all_is_noticed(tmp_path):
    assert fired(tmp_path, {"up": lambda t: 1}, 3600) == {"ZakazWatchSilent"}


def test_one_of_two_deployments_that_vanishes_is_noticed(tmp_path):
    series = {name.replace("zakaz'", "other'"): value for name, value in healthy().items() if "watch_last" in name}
    gone = {WATCH: after(1, lambda t: None, lambda t: t)}
    assert fired(tmp_path, series | gone, 2 * 3600) == {"ZakazWatchSilent"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_rule_names_a_page_that_exists_with_commands_to_type(rule):
    page = REPOSITORY / rule["annotations"]["runbook_url"]
    assert page.is_file()
    assert rule["labels"]["severity"] in ("warning", "critical")
