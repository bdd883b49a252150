"""The run contract, with the real engine."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from zakaz_common.errors import ConfigError, DataError, DeadlineExceededError, StorageError, UnavailableError
from zakaz_common.moscow import now_moscow
from zakaz_common.resume_point import ResumeFile, ResumePoint
from zakaz_common.run import TooManyRejectedError, run_loader
from zakaz_common.run_lock import run_lock
from zakaz_common.settings import CommonSettings
from zakaz_common.warehouse import DegradedField, RejectedRecord, Warehouse


@pytest.fixture
def settings(tmp_path):
    return CommonSettings(
        clickhouse_host="in-process",
        clickhouse_user="u",
        clickhouse_password="p",
        loader_state_dir=tmp_path / "state",
        loader_metrics_file=tmp_path / "metrics" / "demo.prom",
    )


@pytest.fixture
def run(settings, client, clock, capsys):
    """Run the work; returns the exit code and the last log line."""

    def go(work, **options):
        deadline = options.pop("deadline", None) or clock.deadline()
        warehouse = options.pop("warehouse", None) or Warehouse.from_client(client, deadline)
        code = run_loader("demo", settings, work, version="9.9", warehouse=warehouse, deadline=deadline, **options)
        lines = capsys.readouterr().out.strip().splitlines()
        return code, json.loads(lines[-1])

    return go


def runs(client):
    rows = client.query(
        "SELECT status, mode, exit_code, rows_read, rows_written, error, toString(run_id), version FROM meta.etl_runs"
    ).result_rows
    return [tuple(row) for row in rows]


def watermarks(client):
    sql = "SELECT dataset, toUnixTimestamp(watermark) FROM meta.watermarks FINAL ORDER BY dataset"
    return [tuple(row) for row in client.query(sql).result_rows]


def test_a_good_run_leaves_its_row_its_watermark_and_a_last_line(run, client):
    mark = now_moscow()

    def work(context):
        context.rows_read = 5
        context.wrote("stg", 3)
        context.watermarks["orders"] = mark
        context.extra["note"] = "x"

    code, line = run(work)
    assert code == 0
    assert line["event"] == "run_finished"
    assert next(iter(line)) == "event"
    expected = {"loader": "demo", "status": "success", "dry_run": False, "rows_read": 5, "rows_written": 3,
                "rows_rejected": 0, "note": "x"}  # fmt: skip
    assert {key: line[key] for key in expected} == expected
    assert line["duration_s"] >= 0
    assert runs(client) == [("success", "run", 0, 5, 3, "", line["run_id"], "9.9")]
    assert watermarks(client) == [("orders", int(mark.timestamp()))]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DataError("bad data"), "failed", 65),
        (UnavailableError("api.example did not answer"), "failed", 69),
        (DeadlineExceededError("too late"), "stopped", 75),
        (ConfigError("no token"), "failed", 78),
    ],
)
def test_a_failed_run_says_why_and_moves_no_watermark(run, client, error, status, code):
    def work(context):
        context.watermarks["orders"] = now_moscow()
        raise error

    found, line = run(work)
    assert found == code
    assert (line["event"], line["status"], line["exit_code"], line["error"]) == ("run_failed", status, code, str(error))
    assert [row[:3] for row in runs(client)] == [(status, "run", code)]
    assert watermarks(client) == []


def test_a_mistake_of_the_program_names_its_place_and_shows_no_value(run, capsys):
    def work(context):
        raise KeyError("buyer@example.com")

    code, line = run(work)
    assert code == 74
    assert "internal error KeyError at test_run.py" in line["error"]
    assert "buyer@example.com" not in json.dumps(line)


def test_the_run_row_is_written_even_after_the_deadline(run, client, clock):
    def work(context):
        clock.now += 10_000
        context.deadline.check("reading")

    assert run(work)[0] == 75
    assert [row[0] for row in runs(client)] == ["stopped"]


def test_a_watermark_never_goes_back(client, warehouse):
    from uuid import uuid4

    new, old = now_moscow(), now_moscow() - timedelta(days=3)
    warehouse.save_watermarks("demo", uuid4(), {"orders": new})
    warehouse.save_watermarks("demo", uuid4(), {"orders": old})
    assert warehouse.watermark("demo", "orders") == new
    assert warehouse.watermark("demo", "other") is None
    assert watermarks(client) == [("orders", int(new.timestamp()))]


def rejected(n):
    return [RejectedRecord("orders", str(i), "$.price", "not an amount of money") for i in range(n)]


def test_a_few_rejected_records_are_stored_and_told(run, client):
    def work(context):
        context.rows_read = 1000
        context.reject(rejected(3))

    code, line = run(work)
    assert (code, line["rows_rejected"]) == (0, 3)
    rows = client.query("SELECT dataset, record_key, json_path, reason FROM meta.rejected_records").result_rows
    assert sorted(rows) == [("orders", str(i), "$.price", "not an amount of money") for i in range(3)]


def test_too_many_rejected_records_fail_the_run(run, client):
    def work(context):
        context.rows_read = 1000
        context.reject(rejected(21))
        context.watermarks["orders"] = now_moscow()

    code, line = run(work)
    assert code == 65
    assert "21 of 1000 orders were rejected (2.1%)" in line["error"]
    assert "LOADER_MAX_REJECTED_RATIO" in line["error"]
    assert watermarks(client) == []


@pytest.mark.parametrize("part", ["", "kabinet-2"])
def test_a_dataset_that_is_rejected_whole_fails_the_run_whatever_the_others_are(run, client, part):
    def work(context):
        context.read("orders", 100_000)
        context.read("banners", 1_000, part="kabinet-1")
        context.read("events", 2, part=part)
        context.reject([RejectedRecord("events", str(i), "$.id", "no id") for i in range(2)], part=part)

    code, line = run(work)
    assert code == 65
    assert f"2 of 2 events{' of kabinet-2' if part else ''} were rejected (100.0%)" in line["error"]


@pytest.mark.parametrize(("broken", "code"), [(5, 65), (3, 0)])
def test_most_of_a_handful_rejected_fails_the_run_half_of_it_does_not(run, client, broken, code):
    def work(context):
        context.read("statistics", 100_000)
        context.read("banners", 6)
        context.reject(RejectedRecord("banners", str(i), "$.id", "no id") for i in range(broken))

    assert run(work)[0] == code


def test_the_rejected_share_of_one_part_can_be_judged_by_itself(run, client):
    def work(context):
        context.read("events", 2, part="kabinet-2")
        context.reject([RejectedRecord("events", str(i), "$.id", "no id") for i in range(2)], part="kabinet-2")
        context.check_rejected_ratio("kabinet-1")
        with pytest.raises(TooManyRejectedError):
            context.check_rejected_ratio("kabinet-2")
        context.check_rejected_ratio("kabinet-3")
        raise DataError("done")

    assert run(work)[1]["error"] == "done"


@pytest.mark.parametrize("error", [None, DataError("bad")])
def test_marks_of_settled_parts_stay_when_the_run_fails_and_those_of_the_whole_do_not(run, client, error):
    mark = now_moscow().replace(microsecond=0)

    def work(context):
        context.settled["a part_deep"] = context.watermarks["whole"] = mark
        if error:
            raise error

    run(work)
    seconds = int(mark.timestamp())
    assert watermarks(client) == [("a part_deep", seconds), *([] if error else [("whole", seconds)])]


def test_a_record_that_is_not_judged_fails_nothing(run, client):
    def work(context):
        context.rows_read += 1
        context.reject(rejected(1), judged=False)

    assert run(work)[0] == 0
    assert client.query("SELECT count() FROM meta.rejected_records").result_rows == [(1,)]


@pytest.mark.parametrize("error", [None, DataError("bad")])
def test_fields_left_empty_are_counted_by_field_and_reason(run, client, error):
    def work(context):
        context.degrade(DegradedField("events", str(i), f"$.shows[{i}].name", "no text") for i in range(3))
        context.degrade([DegradedField("events", "9", "$.shows[id=7].name", "no text")])
        context.degrade([DegradedField("events", "9", "$.name", "no text")])
        if error:
            raise error

    code, line = run(work)
    assert (code, line["fields_degraded"]) == (65 if error else 0, 5)
    sql = "SELECT loader, dataset, json_path, reason, records, example_key FROM meta.degraded_fields ORDER BY records"
    assert client.query(sql).result_rows == [
        ("demo", "events", "$.name", "no text", 1, "9"),
        ("demo", "events", "$.shows[].name", "no text", 4, "0"),
    ]
    assert client.query("SELECT fields_degraded FROM meta.etl_runs").result_rows == [(5,)]


def test_a_dry_run_has_no_warehouse_no_lock_and_writes_nothing(run, client, settings):
    def work(context):
        context.rows_read = 4
        context.reject(rejected(0))
        with pytest.raises(RuntimeError, match="no warehouse"):
            _ = context.warehouse

    code, line = run(work, dry_run=True)
    assert (code, line["dry_run"], line["rows_read"]) == (0, True, 4)
    assert runs(client) == []
    assert not settings.loader_state_dir.exists()
    assert not settings.loader_metrics_file.exists()


def test_a_second_run_at_the_same_time_names_the_holder_and_leaves_with_75(run, client, settings):
    inner = {}

    def work(context):
        inner["result"] = run(lambda _: pytest.fail("it must not work"))
        context.rows_read = 1

    code, outer = run(work)
    inner_code, inner_line = inner["result"]
    assert code == 0
    assert inner_code == 75
    assert f"pid {os.getpid()}" in inner_line["error"]
    assert outer["run_id"] in inner_line["error"]
    assert len(runs(client)) == 1


def test_a_killed_run_leaves_no_lock(settings):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from zakaz_common.run_lock import run_lock\n"
        "with run_lock(Path(sys.argv[1]), 'demo', 'r1'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    source = str(Path(__file__).parents[1] / "src")
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(settings.loader_state_dir)],
        env={**os.environ, "PYTHONPATH": source},
        stdout=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"held\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with run_lock(settings.loader_state_dir, "demo", "r2"):
        pass


def test_a_state_directory_that_cannot_be_written_is_named(run, settings, tmp_path):
    settings.loader_state_dir = Path("/proc/zakaz")
    code, line = run(lambda _: None)
    assert code == 74
    assert "/proc/zakaz cannot be written" in line["error"]
    assert "LOADER_STATE_DIR" in line["error"]


def test_sigterm_stops_the_run_cleanly(run, client):
    def work(context):
        os.kill(os.getpid(), signal.SIGTERM)

    code, line = run(work)
    assert code == 75
    assert line["status"] == "stopped"
    assert "SIGTERM" in line["error"]
    assert [row[0] for row in runs(client)] == ["stopped"]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def metrics(settings):
    text = settings.loader_metrics_file.read_text()
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_metrics_tell_the_run_and_keep_the_last_success(run, settings, clock):
    def work(context):
        context.rows_read = 7
        context.wrote("stg", 2)
        context.count_requests_of({"200": 3, "429": 1})
        context.deadline.wait(4, "the API")
        context.watermarks["orders"] = now_moscow() - timedelta(minutes=10)

    run(work)
    found = metrics(settings)
    assert found['zakaz_loader_last_run_rows{loader="demo",stage="read"}'] == "7.0"
    assert found['zakaz_loader_last_run_rows{loader="demo",stage="written"}'] == "2.0"
    assert found['zakaz_loader_last_run_requests{code="429",loader="demo"}'] == "1.0"
    assert found['zakaz_loader_last_run_slept_seconds{loader="demo"}'] == "4.0"
    assert float(found['zakaz_loader_watermark_lag_seconds{loader="demo"}']) == pytest.approx(600, abs=30)
    success = found['zakaz_loader_last_success_timestamp_seconds{loader="demo"}']
    assert float(success) > 0

    def fail(context):
        raise DataError("bad")

    run(fail)
    found = metrics(settings)
    assert found['zakaz_loader_last_success_timestamp_seconds{loader="demo"}'] == success
    assert found['zakaz_loader_last_run_exit_code{loader="demo"}'] == "65.0"


def test_a_run_without_metrics_leaves_the_file_of_the_last_one(run, settings):
    def fail(context):
        raise DataError("bad")

    run(fail)
    before = settings.loader_metrics_file.read_text()
    assert run(lambda context: None, metrics=False)[0] == 0
    assert settings.loader_metrics_file.read_text() == before


def test_a_resume_point_belongs_to_its_scan(tmp_path):
    file = ResumeFile(tmp_path / "resume.json")
    assert file.load("everything") is None
    file.save(ResumePoint("everything", 42, "2026-11-01T00:00:00+03:00"))
    assert file.load("everything").after_id == 42
    assert file.load("backfill:x") is None
    (tmp_path / "resume.json").write_text("{half")
    assert file.load("everything") is None
    file.clear()
    file.clear()


def test_a_resume_point_that_cannot_be_written_leaves_the_one_before_and_nothing_beside_it(tmp_path):
    file, point = ResumeFile(tmp_path / "resume.json"), ResumePoint("everything", 42, "2026-11-01T00:00:00+03:00")
    file.save(point)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        with pytest.raises(
            StorageError, match=r"resume.json cannot be written \(File too large\); check the state volume"
        ):
            file.save(ResumePoint("everything", 43, "", seen=list(range(100))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.load("everything") == point
    assert [path.name for path in tmp_path.iterdir()] == ["resume.json"]


def test_a_signal_that_a_library_swallows_still_ends_the_run(run, client):
    def work(context):
        with contextlib.suppress(Exception):  # what a library does that the signal happens to interrupt
            os.kill(os.getpid(), signal.SIGTERM)
        context.deadline.check("reading on")
        raise AssertionError("the run went on")

    code, line = run(work)
    assert code == 75
    assert "SIGTERM asked the run to stop" in line["error"]
    assert runs(client)[0][0] == "stopped"
