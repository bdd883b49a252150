"""The screen of `make status` must call a sick deployment sick and a healthy one healthy."""

from __future__ import annotations

import json

import pytest
from filter.status_findings import status_findings

LIMITS = {"freshness_minutes": 75, "backup_hours": 26, "disk_free_gb": 2, "memory_free_mb": 200}


def run(**changes):
    return {
        "loader": "vk_ads",
        "last_status": "success",
        "last_error": "",
        "last_rows_written": 12,
        "last_rows_rejected": "0",
        "last_fields_degraded": 0,
        "minutes_since_success": 10,
        "watermark": "2026-11-22 10:00:00",
    } | changes


def backup(age_hours, passed=True, drilled=True):
    drill = {"passed": passed, "seconds": 9.8, "reason": "a table is missing"} if drilled else None
    return {"name": f"zakaz-{age_hours}", "age_hours": age_hours, "good": drilled and passed, "drill": drill}


def listed(*backups, code=0, hours_here=1000.0, words=()):
    return {"code": code, "output": [json.dumps({"backups": backups})], "words": list(words), "hours_here": hours_here}


def seen(**changes):
    return {
        "server": {"version": "26.3.9.1", "uptime": "7500"},
        "container": "zakaz-clickhouse",
        "plan": [],
        "runs": [run()],
        "loaders": ["vk_ads"],
        "timers": {"vk_ads": "ActiveState=active\nNextElapseUSecRealtime=Mon 2026-11-23 10:40:00 MSK\n"},
        "near_cities": [],
        "backups": listed(backup(100), backup(5)),
        "disk_free_bytes": "20000000000",
        "memory_free_kib": "900000",
    } | changes


def verdicts(**changes):
    return {line["subject"]: line["verdict"] for line in status_findings(seen(**changes), LIMITS)}


def test_rejected_records_and_empty_fields_are_on_the_screen():
    (line,) = [
        one for one in status_findings(seen(runs=[run(last_rows_rejected="3")]), LIMITS) if one["subject"] == "vk_ads"
    ]
    assert line["verdict"] == "warn"
    assert "3 records REJECTED, see meta.rejected_records" in line["text"]
    (line,) = [
        one for one in status_findings(seen(runs=[run(last_fields_degraded=7)]), LIMITS) if one["subject"] == "vk_ads"
    ]
    assert line["verdict"] == "ok"
    assert "7 fields unreadable and left empty, see meta.degraded_fields" in line["text"]
    assert "REJECTED" not in line["text"]


def test_healthy_deployment_is_ok_throughout():
    assert set(verdicts().values()) == {"ok"}


@pytest.mark.parametrize(
    ("subject", "verdict", "changes"),
    [
        ("ClickHouse", "bad", {"server": None}),
        ("schema", "bad", {"plan": [{"object": "bi.v_sales_daily"}]}),
        ("schema", "warn", {"plan": None}),
        ("vk_ads", "bad", {"runs": []}),
        ("vk_ads", "warn", {"runs": None}),
        ("vk_ads", "bad", {"runs": [run(last_status="failed", last_error="token expired")]}),
        ("vk_ads", "bad", {"runs": [run(minutes_since_success=76)]}),
        ("vk_ads", "ok", {"runs": [run(minutes_since_success=75)]}),
        ("vk_ads", "bad", {"runs": [run(minutes_since_success=None)]}),
        ("vk_ads timer", "bad", {"timers": {"vk_ads": "ActiveState=inactive\n"}}),
        ("cities", "warn", {"near_cities": [["екатринбург", "екатеринбург"]]}),
        ("backup", "warn", {"backups": listed(code=None)}),
        ("backup", "bad", {"backups": listed(code=69, words=["backup_dir=/x is not there"])}),
        ("backup", "bad", {"backups": listed()}),
        ("backup", "warn", {"backups": listed(hours_here=3)}),
        ("backup", "bad", {"backups": listed(backup(27))}),
        ("backup", "ok", {"backups": listed(backup(26))}),
        ("backup", "bad", {"backups": listed(backup(5), backup(1, passed=False))}),
        ("backup", "warn", {"backups": listed(backup(5), backup(1, drilled=False))}),
        ("backup", "bad", {"backups": listed(backup(30), backup(1, drilled=False))}),
        ("backup", "bad", {"backups": listed(backup(1, passed=False), hours_here=3)}),
        ("disk", "bad", {"disk_free_bytes": "1900000000"}),
        ("disk", "warn", {"disk_free_bytes": "3900000000"}),
        ("memory", "bad", {"memory_free_kib": "150000"}),
    ],
)
def test_each_ailment_is_named(subject, verdict, changes):
    assert verdicts(**changes)[subject] == verdict


def test_error_of_a_failed_run_and_the_drifted_object_are_shown():
    lines = status_findings(
        seen(plan=[{"object": "bi.v_sales_daily"}], runs=[run(last_status="failed", last_error="token expired")]),
        LIMITS,
    )
    texts = " ".join(line["text"] for line in lines)
    assert "bi.v_sales_daily" in texts
    assert "token expired" in texts


@pytest.mark.parametrize(
    ("container", "where"),
    [("zakaz-clickhouse", "sudo docker logs --tail 50 zakaz-clickhouse"), ("", "its own server's log")],
)
def test_a_clickhouse_that_does_not_answer_is_told_with_its_log(container, where):
    (found,) = [
        line
        for line in status_findings(seen(server=None, container=container), LIMITS)
        if line["subject"] == "ClickHouse"
    ]
    assert found["text"] == f"does not answer; look at {where}, then run make deploy"


def test_near_cities_are_named_with_the_command_that_mends_them():
    pairs = [[f"город{number}", f"горд{number}"] for number in range(7)]
    (found,) = [line for line in status_findings(seen(near_cities=pairs), LIMITS) if line["subject"] == "cities"]
    assert "город0 and горд0" in found["text"]
    assert "город5" not in found["text"]
    assert "and 2 more" in found["text"]
    assert "make import-city-aliases FILE=" in found["text"]
    assert "cities" not in verdicts()
