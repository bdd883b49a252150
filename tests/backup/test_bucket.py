"""Backups in a bucket, through rclone. The bucket is a folder here: what rclone makes of S3 is its own matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from zakaz_backup import backups, drill
from zakaz_backup.failures import UnavailableFailure
from zakaz_backup.restore import Request, restore
from zakaz_backup.store import S3Store
from zakaz_backup.take import Source, take

from tests.backup.conftest import Site
from tests.programs import require_program

pytestmark = pytest.mark.patient
SETTINGS = {
    "path": "bucket/zakaz",
    "endpoint": "http://127.0.0.1:1",
    "region": "",
    "provider": "Other",
    "access_key_id": "key",
    "secret_access_key": "throw-away",
}


@pytest.fixture(autouse=True)
def rclone() -> None:
    require_program("rclone")


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    path = tmp_path / "remote"
    (path / "bucket/zakaz").mkdir(parents=True)
    return path


@pytest.fixture
def store(site: Site, bucket: Path) -> S3Store:
    made = S3Store(SETTINGS, site.settings.folder)
    made._env |= {"RCLONE_CONFIG_BACKUPS_TYPE": "alias", "RCLONE_CONFIG_BACKUPS_REMOTE": str(bucket)}
    return made


def backup(site: Site, store: S3Store) -> str:
    return take(site.settings, store, Source(site.connection, site.folder, "none")).name


def test_a_backup_goes_there_is_proved_and_comes_back(
    site: Site, store: S3Store, bucket: Path, changed: Callable[[], None]
) -> None:
    before = site.content()
    name = backup(site, store)
    assert (bucket / "bucket/zakaz" / name / "clickhouse.tar").exists()
    assert not (site.settings.folder / name).exists(), "it stays on the disk of the database"
    assert drill.drill(store, name, site._throwaway, "").passed
    assert [stored.good for stored in backups.stored(store, "zakaz-test")] == [True]
    changed()
    try:
        restore(site.settings, site.connection, site.folder, store.fetch(name), Request(confirmed=True))
    finally:
        store.release()
    assert site.content() == before
    assert not (site.settings.folder / "fetched").exists()


def test_damage_on_the_way_is_found(site: Site, store: S3Store, bucket: Path) -> None:
    name = backup(site, store)
    data = bucket / "bucket/zakaz" / name / "clickhouse.tar"
    data.write_bytes(data.read_bytes()[:-100])
    verdict = drill.drill(store, name, site._throwaway, "")
    assert not verdict.passed
    assert "clickhouse.tar is damaged" in verdict.reason


def test_what_an_interrupted_run_left_there_goes_and_others_stay(site: Site, store: S3Store, bucket: Path) -> None:
    half = bucket / "bucket/zakaz/zakaz-test-20200101T000000Z"
    other = bucket / "bucket/zakaz/another-20200101T000000Z"
    for folder in (half, other):
        folder.mkdir()
        (folder / "clickhouse.tar").write_bytes(b"half")
    name = backup(site, store)
    assert not half.exists()
    assert other.exists()
    assert store.names() == [name]
    store.delete(name)
    assert store.names() == []


def test_a_target_that_does_not_answer_is_named(site: Site) -> None:
    with pytest.raises(UnavailableFailure, match=r"bucket/zakaz at http://127\.0\.0\.1:1 .* backup_s3_endpoint"):
        S3Store(SETTINGS, site.settings.folder).check()
