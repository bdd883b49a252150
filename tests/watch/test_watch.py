"""A sick deployment is noticed, a healthy one is not, and Prometheus gets the figures."""

from __future__ import annotations

import socket
import ssl
import threading
import time
import uuid

import pytest
import urllib3

from tests.alerts.receivers import certificate, free_port
from tests.docker_engine import container
from tests.modules.clickhouse_server import PASSWORD
from tests.schema.advertising import SOURCE, STAGING
from tests.sources import SOURCES

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
    assert metrics['zakaz_rejected_records{deployment="zakaz",loader="ad_network"}'] == 0
    assert metrics['zakaz_loader_freshness_limit_seconds{deployment="zakaz",loader="ticket_shop"}'] == 75 * 60
    assert not any(value for name, value in metrics.items() if name.startswith("zakaz_watch_problem"))
    assert abs(metrics['zakaz_watch_last_run_timestamp_seconds{deployment="zakaz"}'] - time.time()) < 60


def test_loader_that_silently_stopped_is_told_with_its_page(deployment):
    deployment.server.query("TRUNCATE TABLE meta.etl_runs")
    deployment.ran("ad_network", 1)
    deployment.ran("ticket_shop", 80)
    said = deployment.look(2).stdout
    assert deployment.failing() == {"freshness of ticket_shop"}
    assert "last success 80 min ago, at most 75 expected" in said
    assert "docs/operations/loader-stale.md" in said
    deployment.ran("ticket_shop", 0)
    assert "works again" in deployment.look(2).stdout
    assert deployment.failing() == set()


def test_loader_that_never_ran_is_told(deployment):
    deployment.server.query("TRUNCATE TABLE meta.etl_runs")
    deployment.look(2)
    assert deployment.failing() == {"freshness of ticket_shop", "freshness of ad_network"}


def test_webhook_success_does_not_hide_that_scheduled_runs_fail(deployment):
    own = f'zakaz_loader_last_success_timestamp_seconds{{loader="ticket_shop"}} {time.time() - 9000}\n'
    (deployment.folder / "ticket_shop.prom").write_text(own)
    assert "last scheduled success 150 min ago" in deployment.look(2).stdout
    assert deployment.failing() == {"freshness of ticket_shop"}


def test_timer_that_was_stopped_is_told(deployment):
    deployment.stop_timers()
    deployment.look(2)
    assert deployment.failing() == {"timer of ticket_shop", "timer of ad_network"}


def test_rejected_record_is_told(deployment):
    deployment.server.query(
        "INSERT INTO meta.rejected_records (loader, dataset, rejected_at, run_id, record_key, json_path, reason) "
        "VALUES ('ad_network', 'days', now(), generateUUIDv4(), '1', '$.spend', 'negative'),"
        "('ticket_shop', 'orders', now() - 90000, generateUUIDv4(), '1', '$.price', 'yesterday and a little')"
    )
    deployment.look(2)
    assert deployment.failing() == {"rejected records of ad_network"}
    assert deployment.metrics()['zakaz_rejected_records{deployment="zakaz",loader="ad_network"}'] == 1


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
    deployment.ran("ad_network", 2)
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
            deployment.ran("ad_network", 1)
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
    deployment.ran("ad_network", 60 * 50)
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
        threading.Thread(target=lambda: [server.accept() for _ in range(6)], daemon=True).start()
        endpoint = f"localhost:{server.getsockname()[1]}"
        deployment.certificates = [endpoint]
        deployment.look(2)
        assert deployment.failing() == {f"certificate of {endpoint}"}
        name = f'zakaz_certificate_expiry_timestamp_seconds{{deployment="zakaz",endpoint="{endpoint}"}}'
        assert abs(deployment.metrics()[name] - time.time() - 2 * 86400) < 600
        deployment.limits["certificate"] = 1
        deployment.look(2)
        assert deployment.failing() == set()
        assert f"the certificate of {endpoint} has ended" in deployment.look(2, at=time.time() + 3 * 86400).stdout


def test_endpoint_without_a_certificate_is_told(deployment):
    endpoint = f"localhost:{free_port()}"
    deployment.certificates = [endpoint]
    assert "shows no certificate" in deployment.look(2).stdout
    assert deployment.failing() == {f"certificate of {endpoint}"}


def test_disk_and_memory_below_their_limit_are_told(deployment):
    deployment.limits |= {"disk_low": 1e9, "memory_low": 1e9}
    deployment.look(2)
    assert deployment.failing() == {"disk /", "memory"}


def test_disk_of_dockers_data_is_watched_where_docker_says_it_is(deployment):
    deployment.engine.info["DockerRootDir"] = "/proc"
    deployment.folders = ["/"]
    deployment.look()
    metrics = deployment.metrics()
    assert 'zakaz_disk_free_bytes{deployment="zakaz",path="/proc"}' in metrics
    assert 'zakaz_disk_size_bytes{deployment="zakaz",path="/"}' in metrics
    assert len([name for name in metrics if name.startswith("zakaz_disk_free_bytes")]) == 2


def test_watched_folder_that_is_not_there_is_told(deployment):
    gone = str(deployment.folder / "backups")
    deployment.folders.append(gone)
    assert f"{gone} is not there" in deployment.look(2).stdout
    assert deployment.failing() == {f"folder {gone}"}
    assert deployment.metrics()[f'zakaz_disk_missing{{deployment="zakaz",path="{gone}"}}'] == 1


def test_dockers_data_root_that_is_not_there_is_told_until_it_is(deployment):
    deployment.engine.info["DockerRootDir"] = "/no/such/docker"
    assert "/no/such/docker is not there" in deployment.look(2).stdout
    assert deployment.failing() == {"folder /no/such/docker"}
    (deployment.folder / "docker").mkdir()
    deployment.engine.info["DockerRootDir"] = str(deployment.folder / "docker")
    deployment.look(2)
    assert deployment.metrics()[f'zakaz_disk_missing{{deployment="zakaz",path="{deployment.folder}/docker"}}'] == 0


def test_docker_that_does_not_answer_is_named(deployment):
    deployment.engine.stop()
    assert "Docker does not answer" in deployment.look(2).stdout
    assert deployment.failing() == {"Docker"}
    assert deployment.metrics()['zakaz_docker_up{deployment="zakaz"}'] == 0
    deployment.engine.path.unlink()
    deployment.engine.start()
    deployment.look(2)
    assert deployment.failing() == set()
    assert deployment.metrics()['zakaz_docker_up{deployment="zakaz"}'] == 1


@pytest.mark.parametrize(
    "containers",
    [[], [container("zakaz-clickhouse", "exited", "Exited (137) 2 minutes ago")],
     [container("zakaz-clickhouse", "running", "Up 2 hours (unhealthy)")]],
    ids=["none", "killed", "unwell"],
)  # fmt: skip
def test_container_that_does_not_serve_is_told(deployment, containers):
    deployment.engine.containers = containers
    deployment.look(2)
    assert deployment.failing() == {"container zakaz-clickhouse"}
    assert deployment.metrics()['zakaz_containers_down{deployment="zakaz"}'] == 1


@pytest.mark.parametrize(
    ("unit", "state", "subject"),
    [
        ("zakaz-ad-network.service", {"LoadState": "masked"}, "unit of ad_network"),
        ("zakaz-ad-network.service", {"LoadState": "not-found"}, "unit of ad_network"),
        ("zakaz-ad-network.timer", {"LoadState": "not-found", "ActiveState": "inactive"}, "timer of ad_network"),
        ("zakaz-ad-network.timer", {"UnitFileState": "disabled"}, "timer of ad_network"),
        ("zakaz-ad-network.timer", {"SubState": "elapsed"}, "timer of ad_network"),
    ],
)
def test_unit_that_nothing_will_start_is_told(deployment, unit, state, subject):
    deployment.units = {unit: state}
    deployment.look(2)
    assert deployment.failing() == {subject}
    assert deployment.metrics()['zakaz_unit_failed{deployment="zakaz",unit="zakaz-ad-network"}'] == 1
    assert deployment.metrics()['zakaz_unit_failed{deployment="zakaz",unit="zakaz-ticket-shop"}'] == 0


def test_run_that_left_no_row_is_a_metric_until_a_later_one_succeeds(deployment):
    failed = {"Result": "exit-code", "ExecMainStatus": "78", "ActiveState": "failed"}
    name = 'zakaz_unit_failed{deployment="zakaz",unit="zakaz-ad-network"}'
    for minutes, metric in ((0, 1), (-5, 0)):
        at = f"@{int(time.time()) + minutes * 60}"
        times = {"ExecMainStartTimestamp": at, "ExecMainExitTimestamp": at, "InactiveEnterTimestamp": at}
        deployment.units = {"zakaz-ad-network.service": failed | times}
        deployment.look()
        assert deployment.metrics()[name] == metric


def test_file_that_is_missing_is_told(deployment):
    deployment.files = [str(deployment.folder / "ad_network.env"), str(deployment.folder / "watch.json")]
    assert "ad_network.env; make deploy" in deployment.look(2).stdout
    assert deployment.failing() == {"files"}


def test_field_that_a_share_of_a_run_lacks_is_told(deployment):
    def degraded(loader, records, rows):
        run = uuid.uuid4()
        deployment.server.query(
            "INSERT INTO meta.etl_runs (run_id, loader, mode, status, started_at, finished_at, rows_read) VALUES "
            f"('{run}', '{loader}', 'run', 'success', now() - 60, now(), {rows})"
        )
        deployment.server.query(
            "INSERT INTO meta.degraded_fields (loader, dataset, degraded_at, run_id, json_path, reason, records, "
            f"example_key) VALUES ('{loader}', 'orders', now(), '{run}', '$.phone', 'no text', {records}, '7')"
        )

    degraded("ticket_shop", 9, 9)
    degraded("ad_network", 10, 1000)
    deployment.look(2)
    assert deployment.failing() == set()
    assert deployment.metrics()['zakaz_degraded_share{deployment="zakaz",loader="ad_network"}'] == 0.01
    degraded("ad_network", 11, 1000)
    assert "11 records of one run (1.1%) lack orders $.phone: no text" in deployment.look(2).stdout
    assert deployment.failing() == {"fields of ad_network"}


def test_table_without_rows_for_days_is_told_and_one_that_rests_is_not(deployment):
    query = deployment.server.query
    query(f"TRUNCATE TABLE {STAGING}")
    deployment.ran(SOURCE, 8 * 1440)
    for other in SOURCES:
        deployment.ran(other, 6 * 1440)
    said = deployment.look(2).stdout
    assert deployment.failing() == {f"rows of {STAGING}"}
    assert f"never got a row, at most 7 days expected, although {SOURCE} succeeds" in said
    name = f'zakaz_table_last_row_timestamp_seconds{{deployment="zakaz",table="{STAGING}"}}'
    assert abs(deployment.metrics()[name] - time.time() + 8 * 86400) < 600
    deployment.limits["source_silent"] = 0
    deployment.look(2)
    assert deployment.failing() == set()
    deployment.limits["source_silent"] = 7
    deployment.silent_tables = ["zakaz.stg_qtickets_orders"]
    deployment.look(2)
    assert deployment.failing() == set()


def test_tables_that_can_be_watched_are_those_of_the_view(deployment):
    """The role refuses other names."""
    known = [table for source in SOURCES.values() for table in source["clickhouse"]["watched"]]
    (seen,) = deployment.server.query("SELECT arraySort(groupArray(table)) FROM meta.v_tables_loaded").splitlines()
    assert seen == str(sorted(known)).replace(", ", ",")


def test_cities_one_letter_apart_are_told_until_somebody_says_what_they_are(deployment):
    query = deployment.server.query
    query(
        "INSERT INTO zakaz.dm_sales_daily (d, city, event_id, currency, tickets_sold, revenue, _ver) VALUES "
        "(today(), 'екатеринбург', '1', 'RUB', 1, 1, 1), (today(), 'екатринбург', '2', 'RUB', 1, 1, 1)"
    )
    try:
        assert "екатринбург and екатеринбург" in deployment.look(2).stdout
        assert deployment.failing() == {"cities"}
        assert deployment.metrics()['zakaz_near_cities{deployment="zakaz"}'] == 1
        query("INSERT INTO zakaz.dim_city_alias (alias, city, _ver) VALUES ('екатринбург', 'екатринбург', 1)")
        deployment.look(2)
        assert deployment.failing() == set()
    finally:
        query("TRUNCATE TABLE zakaz.dm_sales_daily")
        query("ALTER TABLE zakaz.dim_city_alias DELETE WHERE alias = 'екатринбург' SETTINGS mutations_sync = 2")


def test_cities_that_are_watched_are_those_of_the_views(deployment):
    query = deployment.server.query
    query(
        "INSERT INTO zakaz.dm_ads_daily (d, source, account, ad_id, city, spend, currency, _ver, _is_deleted) VALUES "
        "(today(), 'any', 'a', '1', 'спб', 1, 'RUB', 1, 0), (today(), 'other', 'a', '1', 'омск', 1, 'USD', 1, 0), "
        "(today(), 'any', 'a', '3', 'омсск', 1, 'RUB', 1, 0), (today(), 'any', 'a', '3', 'омск', 1, 'RUB', 2, 0), "
        "(today(), 'any', 'a', '4', 'тамбовв', 1, 'RUB', 1, 1), (today(), 'any', 'a', '5', '', 1, 'RUB', 1, 0)"
    )
    try:
        used = query("SELECT arraySort(groupArray(city)) FROM meta.v_cities_used")
        assert used == query(
            "SELECT arraySort(groupUniqArray(city)) FROM (SELECT city FROM bi.v_sales_daily UNION ALL "
            "SELECT city FROM bi.v_ads_daily)"
        )
        assert "санкт-петербург" in used and "unattributed" in used and "омсск" not in used
    finally:
        query("TRUNCATE TABLE zakaz.dm_ads_daily")


def test_question_that_clickhouse_refuses_is_told_and_hides_no_other(deployment):
    """Nothing that is asked so would ever be judged again: a silence that looks like health."""
    query = deployment.server.query
    made = query("SHOW CREATE VIEW bi.v_ops_freshness FORMAT TabSeparatedRaw")
    query("DROP VIEW bi.v_ops_freshness")
    deployment.folders.append("/no/such/folder")
    try:
        said = deployment.look(2).stdout
    finally:
        query(made)
    assert "ClickHouse cannot be asked for runs" in said
    assert "docs/operations/watch-failed.md" in said
    assert {"questions", "folder /no/such/folder"} <= deployment.failing()
    deployment.look(2)
    assert "questions" not in deployment.failing()


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
    (deployment.folder / "ad_network.prom").write_text(
        "# HELP zakaz_loader_last_run_exit_code Exit code of the last run\n"
        "# TYPE zakaz_loader_last_run_exit_code gauge\n"
        'zakaz_loader_last_run_exit_code{loader="ad_network"} 0.0\n'
        f'zakaz_loader_last_success_timestamp_seconds{{loader="ad_network"}} {time.time()}\n'
        'node_load1{x="y"} 99\n'
        'zakaz_loader_last_run_rows{loader="ad_network"} not-a-number\n'
    )
    deployment.look()
    metrics = deployment.metrics()
    assert metrics['zakaz_loader_last_run_exit_code{deployment="zakaz",loader="ad_network"}'] == 0
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
