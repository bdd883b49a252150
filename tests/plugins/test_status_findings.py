"""The screen of `make status` must call a sick deployment sick and a healthy one healthy."""

from __future__ import annotations

import json

import pytest
from filter.status_findings import status_findings

from tests.limits import limits
from tests.makefile import REPOSITORY

LIMITS = limits()
NOW = 1_764_000_000


def run(**changes):
    return {
        "loader": "ad_network",
        "last_status": "success",
        "last_error": "",
        "last_rows_written": 12,
        "last_rows_rejected": "0",
        "last_fields_degraded": 0,
        "minutes_since_success": 10,
        "watermark": "2026-11-22 10:00:00",
        "started_at": NOW - 700,
        "success_at": NOW - 600,
    } | changes


def backup(age_hours, passed=True, drilled=True):
    drill = {"passed": passed, "seconds": 9.8, "reason": "a table is missing"} if drilled else None
    return {"name": f"zakaz-{age_hours}", "age_hours": age_hours, "good": drilled and passed, "drill": drill}


def listed(*backups, code=0, hours_here=1000.0, words=()):
    return {"code": code, "output": [json.dumps({"backups": backups})], "words": list(words), "hours_here": hours_here}


def service(missing="", **end):
    return {"missing": missing, "end": end or None}


def ended(code, at=NOW - 60, failed=True):
    return service(started=at - 5, at=at, failed=failed, means=f"exit code {code}: words")


def host(**changes):
    return {
        "docker": {"error": "", "version": "20.10.24"},
        "containers": {},
        "held": {},
        "disks": [{"mount": "/", "paths": ["/opt/zakaz"], "free": 20_000_000_000, "size": 40_000_000_000}],
        "folders": {},
        "memory": 900_000_000,
        "services": {"ad_network": service(), "backup": service(), "watch": service()},
        "timers": {
            unit: {"problem": "", "next": "@1764000600"} for unit in ("zakaz-ad-network", "zakaz-backup", "zakaz-watch")
        },
        "files": [],
    } | changes


def seen(**changes):
    return {
        "at": NOW,
        "server": {"version": "26.3.9.1", "uptime": "7500"},
        "container": "zakaz-clickhouse",
        "plan": [],
        "refused": [],
        "runs": [run()],
        "loaders": {"ad_network": "/opt/zakaz/zakaz-ad-network"},
        "sources_off": {},
        "services": {"ad_network": "zakaz-ad-network", "backup": "zakaz-backup", "watch": "zakaz-watch"},
        "host": host(),
        "near_cities": [],
        "degraded": [{"loader": "ad_network", "field": "x y", "reason": "z", "records": "10", "share": 0.01}],
        "tables": [{"table": "zakaz.a", "loader": "ad_network", "at": NOW - 7 * 86400, "is_empty": 0}],
        "backups": listed(backup(100), backup(5)),
    } | changes


def services(**changes):
    return {"host": host(services=host()["services"] | changes)}


def timer(problem):
    return {"host": host(timers=host()["timers"] | {"zakaz-ad-network": {"problem": problem, "next": ""}})}


def disk(free, **more):
    return {"host": host(disks=[{"mount": "/srv", "paths": ["/srv"], "free": free, "size": 9e10}], **more)}


def verdicts(**changes):
    return {line["subject"]: line["verdict"] for line in status_findings(seen(**changes), LIMITS)}


def test_rejected_records_and_empty_fields_are_on_the_screen():
    line = line_of("ad_network", runs=[run(last_rows_rejected="3")])
    assert line["verdict"] == "warn"
    assert "3 records REJECTED, see meta.rejected_records" in line["text"]
    line = line_of("ad_network", runs=[run(last_fields_degraded=7)])
    assert line["verdict"] == "ok"
    assert "7 fields unreadable and left empty, see meta.degraded_fields" in line["text"]
    assert "REJECTED" not in line["text"]


def test_loaders_that_are_held_are_named_with_what_they_are_held_for():
    held = {
        "zakaz-qtickets-api-hold": {"for": "a restore", "since": 1764000000},
        "zakaz-vk-ads-hold": {"for": "a restore", "since": 1764000003},
    }
    line = line_of("loaders", host=host(held=held))
    assert line["verdict"] == "warn"
    assert "zakaz-qtickets-api, zakaz-vk-ads held for a restore since 2025-11-24 19:00 MSK" in line["text"]
    assert "make deploy lets them run" in line["text"]


def test_healthy_deployment_is_ok_throughout():
    assert set(verdicts().values()) == {"ok"}


@pytest.mark.parametrize(
    ("subject", "verdict", "changes"),
    [
        ("ClickHouse", "bad", {"server": None}),
        ("schema", "bad", {"plan": [{"object": "bi.v_sales_daily"}]}),
        ("schema", "warn", {"plan": None}),
        ("ad_network", "bad", {"runs": []}),
        ("ad_network", "warn", {"runs": None}),
        ("ad_network", "bad", {"runs": [run(last_status="failed", last_error="token expired")]}),
        ("ad_network", "bad", {"runs": [run(minutes_since_success=76)]}),
        ("ad_network", "ok", {"runs": [run(minutes_since_success=75)]}),
        ("ad_network", "bad", {"runs": [run(minutes_since_success=None)]}),
        ("ad_network timer", "bad", timer("it is inactive")),
        # a run that left no row: the database knows a success alone
        ("ad_network", "bad", services(ad_network=ended(78))),
        ("ad_network", "bad", services(ad_network=ended(125)) | {"runs": []}),
        ("ad_network", "bad", services(ad_network=ended(78)) | {"runs": None}),
        # a deployment's own run has succeeded since
        ("ad_network", "ok", services(ad_network=ended(78, at=NOW - 600))),
        ("ad_network", "bad", services(ad_network=ended(78, at=NOW - 599))),
        # when nobody knows since when it fails, no success is later
        ("ad_network", "bad", services(ad_network=ended(78, at=0))),
        ("ad_network", "ok", services(ad_network=ended(0, failed=False))),
        ("ad_network unit", "bad", services(ad_network=service("it is masked"))),
        ("backup unit", "bad", services(backup=ended(69))),
        ("watch unit", "bad", services(watch=service("there is no such unit"))),
        ("Docker", "bad", {"host": host(docker={"error": "nobody", "version": ""}, containers=None)}),
        ("zakaz-clickhouse", "bad", {"host": host(containers={"zakaz-clickhouse": "it does not run"})}),
        ("files", "bad", {"host": host(files=["/opt/zakaz/ad_network.env"])}),
        ("ad_network fields", "warn", {"degraded": [seen()["degraded"][0] | {"share": 0.0101}]}),
        ("sources", "warn", {"tables": [seen()["tables"][0] | {"at": NOW - 7 * 86400 - 1}]}),
        ("questions", "bad", {"refused": ["runs", "cities"], "runs": None}),
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
        ("disk /srv", "bad", disk(1_900_000_000)),
        ("disk /srv", "warn", disk(2_000_000_000)),
        ("disk /srv", "ok", disk(4_000_000_000)),
        ("disk", "bad", disk(9e9, folders={"/b": "/b is not there"})),
        ("memory", "bad", {"host": host(memory=199_000_000)}),
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


def line_of(subject, **changes):
    (line,) = [line for line in status_findings(seen(**changes), LIMITS) if line["subject"] == subject]
    return line


def test_failure_without_a_row_says_how_it_ended_what_shows_more_and_where_to_read():
    line = line_of("ad_network", **services(ad_network=ended(78)))
    assert line["text"] == (
        "the last run failed (exit code 78: words); sudo journalctl --unit zakaz-ad-network --lines 40 "
        "--output cat shows more"
    )
    assert line["page"] == "loader-failed.md"
    line = line_of("ad_network", **services(ad_network=ended(78)), services={})
    assert "/opt/zakaz/zakaz-ad-network check shows more" in line["text"]


def test_failure_with_a_row_is_told_in_the_runs_own_words():
    failed = run(last_status="failed", last_error="token expired", started_at=NOW - 65)
    assert "token expired" in line_of("ad_network", runs=[failed], **services(ad_network=ended(78)))["text"]
    # a row of yesterday says nothing of it
    failed = run(last_status="failed", last_error="token expired", started_at=NOW - 66)
    assert "exit code 78" in line_of("ad_network", runs=[failed], **services(ad_network=ended(78)))["text"]


def test_docker_that_does_not_answer_is_named_and_explains_clickhouse():
    silent = host(docker={"error": "unix:///x: No such file or directory", "version": ""}, containers=None)
    assert "systemctl start docker" in line_of("Docker", host=silent)["text"]
    line = line_of("ClickHouse", host=silent, server=None, runs=None)
    assert line["text"] == "does not answer, because Docker does not"
    # one that runs elsewhere has nothing to do with it
    assert "its own server's log" in line_of("ClickHouse", host=silent, server=None, container="")["text"]


def test_every_finding_that_is_not_well_has_a_page_that_exists():
    sick = seen(
        server=None, plan=None, runs=None, near_cities=[["a", "b"]], backups=listed(code=1, words=["x"]),
        degraded=[seen()["degraded"][0] | {"share": 1}], tables=[seen()["tables"][0] | {"at": 0}],
        host=host(docker={"error": "x", "version": ""}, containers=None, files=["x"], folders={"a": "b"}, memory=1,
                  disks=[{"mount": "/", "paths": [], "free": 1, "size": 2}],
                  services={"ad_network": service("masked"), "backup": ended(1), "watch": ended(1)},
                  timers={"zakaz-backup": {"problem": "it is inactive", "next": ""}}),
    )  # fmt: skip
    lines = [
        *status_findings(sick, LIMITS),
        line_of("zakaz-clickhouse", host=host(containers={"zakaz-clickhouse": "x"})),
    ]
    unwell = [line for line in lines if line["verdict"] != "ok"]
    assert len(unwell) >= 15
    for line in unwell:
        assert (REPOSITORY / "docs/operations" / line["page"]).is_file(), line


def test_limits_are_those_of_the_table():
    other = limits(loader_stale=5, disk_low=30, memory_low=2000, backup_old=4, cities_near=9, source_silent=0)
    other["fields_degraded"]["limit"] = 0.001
    found = {
        line["subject"]: line["verdict"]
        for line in status_findings(seen(near_cities=[["a", "b"]] * 9, tables=[seen()["tables"][0] | {"at": 0}]), other)
    }
    assert found["ad_network"] == found["disk /"] == found["memory"] == found["backup"] == "bad"
    assert found["ad_network fields"] == "warn"
    assert not {"cities", "sources"} & set(found)


def test_backups_that_are_made_elsewhere_are_not_judged():
    assert "backup" not in verdicts(backups=None)


def test_next_run_is_told_in_moscow_time():
    assert line_of("ad_network timer")["text"] == "next run 19:10 MSK"


def test_near_cities_are_named_with_the_command_that_mends_them():
    pairs = [[f"город{number}", f"горд{number}"] for number in range(7)]
    (found,) = [line for line in status_findings(seen(near_cities=pairs), LIMITS) if line["subject"] == "cities"]
    assert "город0 and горд0" in found["text"]
    assert "город5" not in found["text"]
    assert "and 2 more" in found["text"]
    assert "make import-city-aliases FILE=" in found["text"]
    assert "cities" not in verdicts()
