"""A backup holds what the tables held at one moment, and a drill proves it."""

from __future__ import annotations

import json
import subprocess
import tarfile
import threading
from dataclasses import replace

import pytest
from zakaz_backup import backups, metrics, snapshot
from zakaz_backup.failures import BackupFailure, BusyFailure, RefusedFailure, UnavailableFailure
from zakaz_backup.manifest import read_content
from zakaz_backup.run_lock import held
from zakaz_clickhouse.connection import HttpConnection

from tests.backup.conftest import Site
from tests.modules.clickhouse_server import PASSWORD


def databases(site: Site) -> set[str]:
    return {row["name"] for row in site.ask("SELECT name FROM system.databases WHERE engine = 'Atomic'")} - {"default"}


def test_a_backup_is_good_after_its_drill_and_not_before(site: Site) -> None:
    made = site.backup()
    assert (made.tables, made.rows, made.project) == (6, 1010 + 5 + 2 + 1, "zakaz-test")
    (stored,) = backups.stored(site.store, "zakaz-test")
    assert not stored.good
    verdict = site.drill(made.name)
    assert verdict.passed, verdict.reason
    (stored,) = backups.stored(site.store, "zakaz-test")
    assert stored.good


def test_a_view_that_cannot_answer_fails_the_drill(site: Site) -> None:
    # with a list of columns the engine does not look at the query when it makes the view
    site.sql("CREATE VIEW bi.v_broken (d Date, x String) AS SELECT d, nothing AS x FROM zakaz.dm_sales")
    verdict = site.drill(site.backup().name)
    assert not verdict.passed
    assert "The views of zakaz-test-" in verdict.reason
    assert "nothing" in verdict.reason


def test_checksums_are_read_by_the_tool_everyone_has(site: Site) -> None:
    folder = site.settings.folder / site.backup().name
    checked = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    assert checked.returncode == 0
    assert {line.split(":")[0] for line in checked.stdout.splitlines()} == {
        "clickhouse.tar",
        "figures.json",
        "host.tar",
        "manifest.json",
    }


def test_nothing_is_left_in_the_engine_and_beside_the_backup(site: Site) -> None:
    name = site.backup().name
    assert databases(site) == {"zakaz", "bi", "meta"}
    assert list(site.folder.path.iterdir()) == []
    assert {path.name for path in site.settings.folder.iterdir()} == {".zakaz-backups", ".lock", name}


def test_the_host_s_files_are_in_it_and_secrets_are_not(site: Site) -> None:
    folder = site.settings.folder / site.backup().name
    with tarfile.open(folder / "host.tar") as archive:
        names = archive.getnames()
    assert "config/users.d/zakaz.xml" in names
    assert not [name for name in names if name.endswith(".env")]
    assert b"hidden" not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_a_loader_that_writes_all_the_time_does_not_spoil_the_figures(site: Site, engines: list) -> None:
    stop = threading.Event()
    port = engines[0][0]._where.rsplit(":", 1)[1].rstrip("/")
    loader = HttpConnection("127.0.0.1", int(port), "admin", PASSWORD)

    def load() -> None:
        number = 10_000
        while not stop.is_set():
            loader.execute(f"INSERT INTO zakaz.stg_orders SELECT {number}, 'омск', 1, NULL, 1, 0 FROM numbers(3)")
            loader.execute(f"INSERT INTO zakaz.dm_sales VALUES ('2026-05-05', 'омск', 1, {number})")
            number += 1

    thread = threading.Thread(target=load)
    thread.start()
    try:
        names = [site.backup().name]
    finally:
        stop.set()
        thread.join()
    assert site.drill(names[0]).passed


def test_an_unfinished_mutation_is_waited_for(site: Site) -> None:
    site.sql(
        "SYSTEM STOP MERGES zakaz.plan;\nALTER TABLE zakaz.plan DELETE WHERE ratio = 0.1 SETTINGS mutations_sync = 0"
    )
    with pytest.raises(BusyFailure, match=r"zakaz\.plan has an unfinished mutation"):
        site.backup()
    site.sql("SYSTEM START MERGES zakaz.plan")
    assert databases(site) == {"zakaz", "bi", "meta"}


def test_no_space_is_said_before_anything_is_written(site: Site) -> None:
    with pytest.raises(BackupFailure, match=r"GB free, 1000000000\.0 GB are needed .*backup_reserve_gb"):
        site.backup(reserve_bytes=10**18)
    assert {path.name for path in site.settings.folder.iterdir()} == {".zakaz-backups", ".lock"}


def test_a_target_that_is_not_mounted_is_said(site: Site) -> None:
    (site.settings.folder / ".zakaz-backups").unlink()
    with pytest.raises(UnavailableFailure, match=r"backup_dir=.* is not there or not ours"):
        site.store.check()


def test_two_runs_at_once_are_one_too_many(site: Site) -> None:
    with (
        held(site.settings.folder, "backup"),
        pytest.raises(BusyFailure, match=r"Another run is at work: backup, pid \d+, since 20"),
        held(site.settings.folder, "drill"),
    ):
        pass


def test_what_an_interrupted_backup_left_is_cleared_by_the_next(site: Site) -> None:
    site.sql(f"CREATE DATABASE {snapshot.DATABASE};\nCREATE TABLE {snapshot.DATABASE}.x AS zakaz.plan")
    name = "zakaz-test-20200101T000000Z"
    (site.settings.folder / f"{name}.partial").mkdir()
    (site.settings.folder / f"{name}.partial" / "clickhouse.tar").write_bytes(b"half")
    (site.folder.path / name).mkdir()
    other = site.settings.folder / "another-20200101T000000Z.partial"
    other.mkdir()
    made = site.backup()
    assert site.drill(made.name).passed
    assert [path.name for path in site.folder.path.iterdir()] == []
    assert not (site.settings.folder / f"{name}.partial").exists()
    assert other.exists(), "another deployment's run is its own"
    other.rmdir()


def test_an_unfinished_folder_is_no_backup(site: Site) -> None:
    made = site.backup()
    (site.settings.folder / made.name / "SHA256SUMS").unlink()
    assert backups.stored(site.store, "zakaz-test") == []


def test_the_newest_good_one_is_chosen_and_none_without_a_drill(site: Site) -> None:
    with pytest.raises(RefusedFailure, match="no backup of zakaz-test with a passed drill"):
        backups.choose(site.store, "latest", "zakaz-test")
    first = site.backup()
    site.drill(first.name)
    second = first.name.replace("Z", "") + "Z"
    newer = f"zakaz-test-2099{second.removeprefix('zakaz-test-')[4:]}"
    (site.settings.folder / newer).mkdir()
    for path in (site.settings.folder / first.name).iterdir():
        (site.settings.folder / newer / path.name).write_bytes(path.read_bytes())
    (site.settings.folder / newer / "drill.json").unlink()
    assert backups.choose(site.store, "latest", "zakaz-test").name == first.name
    with pytest.raises(RefusedFailure, match=r"There is no backup nonsense; the newest ones: .*zakaz-test-2099"):
        backups.choose(site.store, "nonsense", "zakaz-test")


def test_a_verdict_counts_for_the_files_it_was_made_on(site: Site) -> None:
    made = site.backup()
    site.drill(made.name)
    sums = site.settings.folder / made.name / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("0", "1"))
    (stored,) = backups.stored(site.store, "zakaz-test")
    assert not stored.good


def test_metrics_tell_the_age_of_the_last_good_backup(site: Site) -> None:
    path = site.settings.folder / "metrics" / "backup.prom"
    made = site.backup()
    metrics.write(str(path), backups.stored(site.store, "zakaz-test"))
    assert "zakaz_backup_last_good_timestamp_seconds 0" in path.read_text()
    site.drill(made.name)
    (stored,) = backups.stored(site.store, "zakaz-test")
    metrics.write(str(path), [stored])
    shown = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert float(shown["zakaz_backup_last_good_timestamp_seconds"]) == stored.created_at.timestamp()
    assert shown["zakaz_backup_last_drill_passed"] == "1"
    failed = replace(stored, verdict=replace(stored.verdict, passed=False))
    metrics.write(str(path), [stored, failed])
    assert "zakaz_backup_last_drill_passed 0" in path.read_text()


def test_the_manifest_says_where_the_backup_comes_from(site: Site) -> None:
    made = site.backup()
    stored = json.loads((site.settings.folder / made.name / "manifest.json").read_text())
    assert stored["commit"] == "0123abc"
    assert stored["databases"]["zakaz"] == "склад"
    content = read_content((site.settings.folder / made.name / "figures.json").read_text(), made.name)
    assert content.tables["zakaz.dm_sales"].sums["revenue"] == str(45 + 46 + 47 + 48 + 49)
    assert "FROM zakaz.dm_sales" in content.views["bi.v_sales"]
