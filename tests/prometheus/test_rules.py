"""Each alert rule fires when its condition is true, and only then; a healthy week is silent. Judged by promtool."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.limits import limits, render, rows
from tests.makefile import REPOSITORY
from tests.programs import require_program

# What the watch writes, every five minutes.
STEP = 300
WEEK = 7 * 86400
DAY = 86400
LOADER = 'deployment="zakaz",loader="ticket_shop"'
GB = 1e9

Series = dict[str, Callable[[int], float | None]]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [require_program("promtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="session")
def rules_file(tmp_path_factory) -> Path:
    """The rules of a deployment with default settings."""
    return render(tmp_path_factory.mktemp("rendered")) / "zakaz.rules.yml"


def rules(file: Path) -> dict[str, dict]:
    """The rules by the alert's name."""
    return {rule["alert"]: rule for rule in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"][0]["rules"]}


NAMES = {row["rule"] for row in rows().values() if "rule" in row}


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
        "zakaz_disk_missing{deployment='zakaz',path='/b'}": lambda t: 0,
        # the engine was restarted
        "zakaz_docker_up{deployment='zakaz'}": lambda t: 0 if t == 120 * STEP else 1,
        "zakaz_containers_down{deployment='zakaz'}": lambda t: 2 if t == 120 * STEP else 0,
        "zakaz_unit_failed{deployment='zakaz',unit='zakaz-ad-network'}": lambda t: 1 if t == 130 * STEP else 0,
        "zakaz_files_missing{deployment='zakaz'}": lambda t: 0,
        f"zakaz_degraded_share{{{LOADER}}}": lambda t: 0.005,
        "zakaz_near_cities{deployment='zakaz'}": lambda t: 0,
        # no sale on one day of the week
        "zakaz_table_last_row_timestamp_seconds{deployment='zakaz',table='zakaz.stg_qtickets_orders'}": (
            lambda t: t if t < 3 * DAY or t > 4 * DAY else 3 * DAY
        ),
        "zakaz_memory_available_bytes{deployment='zakaz'}": lambda t: 900e6 + 300e6 * math.sin(t / 5000),
        "zakaz_certificate_expiry_timestamp_seconds{deployment='zakaz',endpoint='a:443'}": lambda t: 40 * DAY,
    }


def fired(tmp_path: Path, rules_file: Path, series: Series, seconds: int) -> set[str]:
    """Let promtool evaluate the rules over the series, and return the alerts that fired at any time.

    promtool compares with expectations only, so it is told to expect nothing and its complaint is read.
    """
    inputs = []
    for name, value in series.items():
        samples = [value(t) for t in range(0, seconds + 1, STEP)]
        text = " ".join("_" if sample is None else repr(float(sample)) for sample in samples)
        inputs.append({"series": name.replace("'", '"'), "values": text})
    test = {
        "rule_files": [str(rules_file)],
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


def test_rules_are_valid(rules_file):
    done = promtool("check", "rules", rules_file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_healthy_week_is_silent(tmp_path, rules_file):
    assert fired(tmp_path, rules_file, healthy(), WEEK) == set()


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
    "ZakazDiskLow": (FREE, after(1, lambda t: 1.99 * GB, lambda t: 2.01 * GB), 2),
    "ZakazDiskMissing": ("zakaz_disk_missing{deployment='zakaz',path='/b'}", after(1, lambda t: 1, lambda t: 0), 2),
    "ZakazDockerDown": ("zakaz_docker_up{deployment='zakaz'}", after(1, lambda t: 0, lambda t: 1), 2),
    "ZakazContainerDown": ("zakaz_containers_down{deployment='zakaz'}", after(1, lambda t: 1, lambda t: 0), 2),
    "ZakazUnitFailed": (
        "zakaz_unit_failed{deployment='zakaz',unit='zakaz-ad-network'}",
        after(1, lambda t: 1, lambda t: 0),
        2,
    ),
    "ZakazFilesMissing": ("zakaz_files_missing{deployment='zakaz'}", after(1, lambda t: 1, lambda t: 0), 2),
    "ZakazFieldsDegraded": (f"zakaz_degraded_share{{{LOADER}}}", after(1, lambda t: 0.011, lambda t: 0.01), 2),
    "ZakazCitiesNear": ("zakaz_near_cities{deployment='zakaz'}", after(1, lambda t: 1, lambda t: 0), 3),
    "ZakazSourceSilent": (
        "zakaz_table_last_row_timestamp_seconds{deployment='zakaz',table='zakaz.stg_qtickets_orders'}",
        lambda t: 1800 - 7 * DAY,
        1,
    ),
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
def test_rule_fires_when_its_condition_is_true_and_no_other_does(tmp_path, rules_file, alert):
    series, value, hours = SICKNESSES[alert]
    assert fired(tmp_path, rules_file, healthy() | {series: value}, int(hours * 3600)) == {alert}


@pytest.mark.parametrize(
    ("alert", "series", "value", "hours"),
    [
        # the watch writes no more, but node exporter still serves its last file
        ("ZakazWatchSilent", WATCH, after(1, lambda t: 3600, lambda t: t), 2),
    ],
    ids=["frozen file"],
)
def test_rule_fires_in_its_other_case_too(tmp_path, rules_file, alert, series, value, hours):
    assert fired(tmp_path, rules_file, healthy() | {series: value}, hours * 3600) == {alert}


def test_no_data_at_all_is_noticed(tmp_path, rules_file):
    assert fired(tmp_path, rules_file, {"up": lambda t: 1}, 3600) == {"ZakazWatchSilent"}


def test_one_of_two_deployments_that_vanishes_is_noticed(tmp_path, rules_file):
    series = {name.replace("zakaz'", "other'"): value for name, value in healthy().items() if "watch_last" in name}
    gone = {WATCH: after(1, lambda t: None, lambda t: t)}
    assert fired(tmp_path, rules_file, series | gone, 2 * 3600) == {"ZakazWatchSilent"}


def test_each_row_of_the_table_has_a_rule_with_its_severity_and_a_page_that_exists(rules_file):
    written = rules(rules_file)
    assert set(written) == NAMES
    for row in rows().values():
        assert (REPOSITORY / "docs/operations" / row["page"]).is_file(), row["page"]
        assert row["severity"] in ("warning", "critical")
        if "rule" in row:
            rule = written[row["rule"]]
            assert rule["labels"]["severity"] == row["severity"]
            assert rule["annotations"]["runbook_url"] == f"docs/operations/{row['page']}"
            assert row["metric"] in rule["expr"]


# setting → its other value, what the rules must then say, and the name of the limit
OTHER_LIMITS = {
    "watch_freshness_minutes": (200, "> 12000.0", "loader_stale"),
    "watch_rejected_records": (7, "> 7.0", "records_rejected"),
    "watch_degraded_share": (0.25, "> 0.25", "fields_degraded"),
    "watch_silent_days": (3, "> 259200.0", "source_silent"),
    "watch_near_cities": (4, "> 4.0", "cities_near"),
    "watch_parts": (77, "> 77.0", "parts"),
    "watch_disk_free_gb": (5.5, "< 5500000000.0", "disk_low"),
    "watch_disk_days": (2, "172800.0", "disk_fills"),
    "watch_memory_free_mb": (321, "< 321000000.0", "memory_low"),
    "watch_backup_hours": (50, "> 180000.0", "backup_old"),
    "watch_certificate_days": (30, "< 2592000.0", "certificate"),
    "watch_mutation_minutes": (99, None, "mutation_stuck"),
}


def test_defaults_are_what_the_pages_and_tests_say(rules_file):
    shown = json.loads((rules_file.parent / "limits.json").read_text())
    assert shown == limits()
    assert {row["setting"] for row in rows().values() if "limit" in row} == set(OTHER_LIMITS)


def test_each_setting_reaches_the_status_the_watch_and_the_rules(tmp_path, rules_file):
    changed = render(tmp_path, **{name: value for name, (value, _, _) in OTHER_LIMITS.items()})
    written = rules(changed / "zakaz.rules.yml")
    before = rules(rules_file)
    status = json.loads((changed / "limits.json").read_text())
    watch = json.loads((changed / "watch.json").read_text())["limits"]
    for value, words, name in OTHER_LIMITS.values():
        assert status[name]["limit"] == watch[name]["limit"] == value
        if words:
            expr = written[rows()[name]["rule"]]["expr"]
            assert words in expr
            assert words not in before[rows()[name]["rule"]]["expr"]


def test_former_names_of_settings_reach_all_of_them(tmp_path):
    former = {
        "status_freshness_minutes": (200, "loader_stale"),
        "status_backup_hours": (50, "backup_old"),
        "status_disk_free_gb": (5.5, "disk_low"),
        "status_memory_free_mb": (321, "memory_low"),
    }
    changed = render(tmp_path, **{name: value for name, (value, _) in former.items()})
    status = json.loads((changed / "limits.json").read_text())
    watch = json.loads((changed / "watch.json").read_text())["limits"]
    for value, name in former.values():
        assert status[name]["limit"] == watch[name]["limit"] == value
    written = rules(changed / "zakaz.rules.yml")
    assert "< 5500000000.0" in written["ZakazDiskLow"]["expr"]
    assert "> 180000.0" in written["ZakazBackupOld"]["expr"]


def test_what_is_not_watched_has_no_rule(tmp_path):
    written = rules(render(tmp_path, watch_backup_hours=0, watch_silent_days=0) / "zakaz.rules.yml")
    assert not {"ZakazBackupOld", "ZakazBackupDrillFailed", "ZakazSourceSilent"} & set(written)


def test_a_deployment_is_told_of_by_its_own_rules_alone(tmp_path):
    written = rules(render(tmp_path, zakaz_name="other") / "zakaz.rules.yml")
    for rule in written.values():
        assert rule["expr"].count('{deployment="other"}') == rule["expr"].count("zakaz_"), rule["expr"]
