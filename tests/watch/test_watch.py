"""A sick deployment is noticed, a healthy one is not, and Prometheus gets the figures."""

from __future__ import annotations

import socket
import ssl
import threading
import time

import pytest
import urllib3

from tests.alerts.receivers import certificate, free_port
from tests.modules.clickhouse_server import PASSWORD

pytestmark = pytest.mark.patient


def test_healthy_deployment_is_measured_and_nobody_is_told(deployment):
    done = deployment.look(2)
    assert (done.returncode, done.stdout) == (0, "")
    assert deployment.failing() == set()
    metrics = deployment.metrics()
    assert metrics['zakaz_clickhouse_up{deployment="zakaz"}'] == 1
    assert metrics['zakaz_schema_drift{deployment="zakaz"}'] == 0
    assert metrics['zakaz_stuck_mutations{deployment="zakaz"}'] == 0
    assert metrics['zakaz_parts_in_partition_max{deployment="zakaz"}'] >= 1
    assert metrics['zakaz_rejected_records{deployment="zakaz",loader="vk_ads"}'] == 0
    assert metrics['zakaz_loader_freshness_limit_seconds{deployment="zakaz",loader="qtickets_api"}'] == 75 * 60
    assert not any(value for name, value in metrics.items() if name.startswith("zakaz_watch_problem"))
    assert abs(metrics['zakaz_watch_last_run_timestamp_seconds{deployment="zakaz"}'] - time.time()) < 60


def test_loader_that_silently_stopped_is_told_with_its_page(deployment):
    deployment.server.query("TRUNCATE TABLE meta.etl_runs")
    deployment.ran("vk_ads", 1)
    deployment.ran("qtickets_api", 80)
    said = deployment.look(2).stdout
    assert deployment.failing() == {"freshness of qtickets_api"}
    assert "last success 80 min ago, at most 75 expected" in said
    assert "docs/operations/loader-stale.md" in said
    deployment.ran("qtickets_api", 0)
    assert "works again" in deployment.look(2).stdout
    assert deployment.failing() == set()


def test_loader_that_never_ran_is_told(deployment):
    deployment.server.query("TRUNCATE TABLE meta.etl_runs")
    deployment.look(2)
    assert deployment.failing() == {"freshness of qtickets_api", "freshness of vk_ads"}


def test_webhook_success_does_not_hide_that_scheduled_runs_fail(deployment):
    own = f'zakaz_loader_last_success_timestamp_seconds{{loader="qtickets_api"}} {time.time() - 9000}\n'
    (deployment.folder / "qtickets_api.prom").write_text(own)
    assert "last scheduled success 150 min ago" in deployment.look(2).stdout
    assert deployment.failing() == {"freshness of qtickets_api"}


def test_timer_that_was_stopped_is_told(deployment):
    deployment.units = {f"{unit}.timer": {"ActiveState": "inactive"} for unit in ("zakaz-qtickets-api", "zakaz-vk-ads")}
    deployment.look(2)
    assert deployment.failing() == {"timer of qtickets_api", "timer of vk_ads"}


def test_rejected_record_is_told(deployment):
    deployment.server.query(
        "INSERT INTO meta.rejected_records (loader, dataset, rejected_at, run_id, record_key, json_path, reason) "
        "VALUES ('vk_ads', 'days', now(), generateUUIDv4(), '1', '$.spend', 'negative'),"
        "('qtickets_api', 'orders', now() - 90000, generateUUIDv4(), '1', '$.price', 'yesterday and a little')"
    )
    deployment.look(2)
    assert deployment.failing() == {"rejected records of vk_ads"}
    assert deployment.metrics()['zakaz_rejected_records{deployment="zakaz",loader="vk_ads"}'] == 1


def test_schema_changed_by_hand_is_told(deployment):
    deployment.server.query("ALTER TABLE zakaz.dim_events ADD COLUMN by_hand UInt8")
    try:
        deployment.look(2)
        assert deployment.failing() == {"schema"}
        assert deployment.metrics()['zakaz_schema_drift{deployment="zakaz"}'] == 1
    finally:
        deployment.server.query("ALTER TABLE zakaz.dim_events DROP COLUMN by_hand")
    deployment.look(2)
    assert deployment.failing() == set()


def test_mutation_that_fails_is_told_with_its_command(deployment):
    query = deployment.server.query
    deployment.ran("vk_ads", 2)
    query("ALTER TABLE meta.etl_runs UPDATE error = toString(throwIf(1)) WHERE 1 SETTINGS mutations_sync = 0")
    try:
        deadline = time.monotonic() + 30
        while query("SELECT max(latest_fail_reason) FROM system.mutations WHERE NOT is_done") == "\n":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "throwIf" in deployment.look(2).stdout
        assert deployment.failing() == {"mutations"}
        assert deployment.metrics()['zakaz_stuck_mutations{deployment="zakaz"}'] == 1
    finally:
        query("KILL MUTATION WHERE NOT is_done SYNC")


def test_many_parts_are_told(deployment):
    deployment.limits["parts"] = 3
    deployment.server.query("SYSTEM STOP MERGES")
    try:
        for _ in range(4):
            deployment.ran("vk_ads", 1)
        deployment.look(2)
        assert deployment.failing() == {"parts"}
    finally:
        deployment.server.query("SYSTEM START MERGES")


@pytest.mark.parametrize(
    ("past", "failing"),
    [
        ([], {"backup"}),
        ([("backup", 3), ("drill", 2)], set()),
        ([("backup", 3)], {"backup"}),
        ([("backup", 30), ("drill", 29)], {"backup"}),
        ([("backup", 3), ("drill", 2, "failed")], {"backup", "restore drill"}),
        ([("backup", 3), ("drill", 2, "failed"), ("drill", 1)], set()),
    ],
)
def test_backup_counts_only_when_a_drill_restored_it(deployment, past, failing):
    deployment.limits["backup_old"] = 26
    deployment.ran("vk_ads", 60 * 50)
    for run in past:
        deployment.backed_up(*run)
    deployment.look(2)
    assert deployment.failing() == failing


def test_deployment_of_today_needs_no_backup_yet(deployment):
    deployment.limits["backup_old"] = 26
    deployment.look(2)
    assert deployment.failing() == set()


def test_backups_that_are_not_watched_are_no_trouble(deployment):
    deployment.look(2)
    assert deployment.failing() == set()
    assert not [name for name in deployment.metrics() if name.startswith("zakaz_backup")]


def test_certificate_that_ends_soon_is_told(deployment, tmp_path):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as plain, tls.wrap_socket(plain, server_side=True) as server:
        threading.Thread(target=lambda: [server.accept() for _ in range(4)], daemon=True).start()
        endpoint = f"localhost:{server.getsockname()[1]}"
        deployment.certificates = [endpoint]
        deployment.look(2)
        assert deployment.failing() == {f"certificate of {endpoint}"}
        name = f'zakaz_certificate_expiry_timestamp_seconds{{deployment="zakaz",endpoint="{endpoint}"}}'
        assert abs(deployment.metrics()[name] - time.time() - 2 * 86400) < 600
        deployment.limits["certificate"] = 1
        deployment.look(2)
        assert deployment.failing() == set()


def test_endpoint_without_a_certificate_is_told(deployment):
    endpoint = f"localhost:{free_port()}"
    deployment.certificates = [endpoint]
    assert "shows no certificate" in deployment.look(2).stdout
    assert deployment.failing() == {f"certificate of {endpoint}"}


def test_disk_and_memory_below_their_limit_are_told(deployment):
    deployment.limits |= {"disk_low": 1e9, "memory_low": 1e9}
    deployment.look(2)
    assert deployment.failing() == {f"disk of {deployment.folder}", "memory"}


def test_database_that_does_not_answer_is_one_trouble_and_ends_no_other(deployment):
    deployment.server.query("TRUNCATE TABLE meta.etl_runs")
    deployment.look(2)
    before = deployment.failing()
    deployment.port = free_port()
    assert "does not answer" in deployment.look(2).stdout
    assert deployment.failing() == before | {"ClickHouse"}
    assert deployment.metrics()['zakaz_clickhouse_up{deployment="zakaz"}'] == 0


def test_restart_between_two_looks_is_no_trouble(deployment):
    deployment.look()
    there, deployment.port = deployment.port, free_port()
    deployment.look()
    deployment.port = there
    deployment.look()
    assert deployment.failing() == set()


def test_loaders_own_metrics_carry_the_deployments_name_and_nothing_else_passes(deployment):
    (deployment.folder / "vk_ads.prom").write_text(
        "# HELP zakaz_loader_last_run_exit_code Exit code of the last run\n"
        "# TYPE zakaz_loader_last_run_exit_code gauge\n"
        'zakaz_loader_last_run_exit_code{loader="vk_ads"} 0.0\n'
        f'zakaz_loader_last_success_timestamp_seconds{{loader="vk_ads"}} {time.time()}\n'
        'node_load1{x="y"} 99\n'
        'zakaz_loader_last_run_rows{loader="vk_ads"} not-a-number\n'
    )
    deployment.look()
    metrics = deployment.metrics()
    assert metrics['zakaz_loader_last_run_exit_code{deployment="zakaz",loader="vk_ads"}'] == 0
    assert not [name for name in metrics if name.startswith(("node_", "zakaz_loader_last_run_rows"))]


def test_metrics_can_be_read_by_the_node_exporter(deployment):
    deployment.look()
    assert deployment.textfile.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in deployment.textfile.parent.iterdir()] == ["zakaz.prom"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM zakaz.stg_qtickets_orders",
        "SELECT count() FROM bi.v_sales_daily",
        "SELECT expected FROM meta.v_quality_last_day",
        "INSERT INTO meta.etl_runs (loader) VALUES ('x')",
        "INSERT INTO zakaz.plan_sales (city) VALUES ('x')",
        "ALTER TABLE meta.sli_daily DELETE WHERE 1",
        "TRUNCATE TABLE meta.etl_alerts",
    ],
)
def test_the_watch_may_neither_read_sales_nor_write_but_its_own_history(deployment, sql):
    headers = {"X-ClickHouse-User": "watch", "X-ClickHouse-Key": PASSWORD}
    answer = urllib3.request("POST", f"http://127.0.0.1:{deployment.port}/", body=sql.encode(), headers=headers)
    assert answer.status != 200
    assert b"ACCESS_DENIED" in answer.data or b"READONLY" in answer.data
