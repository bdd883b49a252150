"""A restore brings back what was backed up, asks before it replaces live data, and can be run again after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from zakaz_backup import restore as restoring
from zakaz_backup.failures import BackupFailure, RefusedFailure
from zakaz_backup.restore import Request
from zakaz_schema import journal

from tests.backup.conftest import Site, empty
from tests.backup.test_damage import resealed

pytestmark = pytest.mark.patient


def test_everything_comes_back_and_the_replaced_data_is_kept(site: Site, changed: Callable[[], None]) -> None:
    before = site.content()
    made = site.backup()
    changed()
    later = site.content()
    result = site.restore(made.name)
    assert site.content() == before
    assert result["tables"] == 6
    assert set(result["replaced"]) == {"zakaz__replaced", "meta__replaced"}
    assert site.ask("SELECT * FROM zakaz__replaced.stg_orders FINAL ORDER BY ALL") == later["zakaz.stg_orders"]


def test_an_empty_server_gets_databases_views_and_comments(site: Site) -> None:
    before = site.content()
    made = site.backup()
    empty(site.connection)
    site.restore(made.name, Request())
    assert site.content() == before
    assert site.ask("SELECT comment FROM system.databases WHERE name = 'zakaz'") == [{"comment": "склад"}]
    assert not site.ask("SHOW DATABASES LIKE '%\\_\\_%'")


def test_one_table_leaves_the_others_alone(site: Site, changed: Callable[[], None]) -> None:
    before = site.content()
    made = site.backup()
    changed()
    later = site.content()
    site.restore(made.name, Request(tables=("zakaz.plan",), confirmed=False))
    assert site.content() == later | {"zakaz.plan": before["zakaz.plan"]}


def test_one_database_leaves_the_others_alone(site: Site, changed: Callable[[], None]) -> None:
    before = site.content()
    made = site.backup()
    changed()
    later = site.content()
    site.restore(made.name, Request(databases=("zakaz",), confirmed=True))
    assert site.content() == before | {"meta.watermarks": later["meta.watermarks"]}


def test_live_data_is_replaced_only_when_that_is_confirmed(site: Site, changed: Callable[[], None]) -> None:
    made = site.backup()
    changed()
    before = site.content()
    with pytest.raises(RefusedFailure, match=r"zakaz\.stg_orders \(1017 rows\).*CONFIRM=yes.*--confirm"):
        site.restore(made.name, Request())
    assert site.content() == before


def test_merges_go_on_after_a_restore(site: Site) -> None:
    made = site.backup()
    site.restore(made.name)
    site.sql(
        "INSERT INTO zakaz.stg_orders SELECT number, 'томск', 1, NULL, 9, 0 FROM numbers(3);\n"
        "OPTIMIZE TABLE zakaz.stg_orders FINAL"
    )
    assert site.ask("SELECT toUInt32(count()) AS c FROM zakaz.stg_orders") == [{"c": 1000}]


@pytest.mark.parametrize(
    ("change", "request_", "words"),
    [
        ({"project": "another"}, Request(confirmed=True), ".*ARGS='-e restore_project=zakaz-test'.*--project"),
        ({}, Request(tables=("zakaz.nothing",)), r"holds no table zakaz\.nothing; it holds"),
        ({}, Request(databases=("nothing",)), "holds no database nothing"),
        ({"reserve_bytes": 10**18}, Request(confirmed=True), "GB free, .* GB are needed"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused(site: Site, change: dict, request_: Request, words: str) -> None:
    made = site.backup()
    before = site.content()
    with pytest.raises(BackupFailure, match=words):
        site.restore(made.name, request_, **change)
    assert site.content() == before


def test_another_deployment_s_backup_is_accepted_by_name(site: Site) -> None:
    made = site.backup()
    assert site.restore(made.name, Request(confirmed=True, project="zakaz-test"), project="another")["tables"] == 6


def test_a_newer_engine_s_backup_is_refused(site: Site) -> None:
    made = site.backup()
    folder = site.settings.folder / made.name
    manifest = json.loads((folder / "manifest.json").read_text())
    version = site.ask("SELECT version() AS v")[0]["v"]
    newer = f"{int(version.split('.')[0]) + 1}.1.1.1"
    (folder / "manifest.json").write_text(json.dumps(manifest | {"engine_version": newer}))
    resealed(folder)
    with pytest.raises(RefusedFailure, match=f"made by ClickHouse {newer}, this one is {version}.*make upgrade"):
        site.restore(made.name)


def test_a_newer_live_schema_is_named_and_accepted_only_when_asked_for(site: Site) -> None:
    fingerprint = journal.live_fingerprint(site.connection, site.settings.databases)
    site.sql(f"INSERT INTO meta.schema_journal VALUES ('{fingerprint}')")
    old = site.content()
    made = site.backup()
    site.sql("ALTER TABLE zakaz.plan ADD COLUMN note String;\nINSERT INTO zakaz.plan VALUES ('2026-03-01', 0.5, 'new')")
    before = site.content()
    with pytest.raises(RefusedFailure, match=r"live schema is newer than .*zakaz\.plan.*Deploy commit 0123abc"):
        site.restore(made.name)
    assert site.content() == before
    # a table whose definition is the same is no reason to refuse
    site.restore(made.name, Request(tables=("zakaz.dm_sales",), confirmed=True))
    site.restore(made.name, Request(confirmed=True, schema_of_backup=True))
    assert site.content() == old


def test_a_backup_of_a_schema_that_was_never_here_is_refused(site: Site) -> None:
    made = site.backup()
    site.sql("ALTER TABLE zakaz.plan ADD COLUMN note String")
    with pytest.raises(RefusedFailure, match="another schema than the live one, which never had it"):
        site.restore(made.name)


class Killed(BaseException):
    """Stands for kill -9: nothing of the run's own is done afterwards."""


@pytest.mark.parametrize("after", [n if n in (1, 4) else pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8)])
def test_a_run_killed_while_it_exchanges_is_finished_by_the_next(
    site: Site, changed: Callable[[], None], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = site.content()
    made = site.backup()
    changed()
    later = site.content()
    site.sql("DROP TABLE zakaz.plan SYNC")
    execute, done = site.connection.execute, []

    def dying(sql: str, settings: object = None) -> str:
        if done and len(done) >= after:
            raise Killed
        answer = execute(sql, settings)
        if sql.startswith(("EXCHANGE", "RENAME")):
            done.append(sql)
        return answer

    monkeypatch.setattr(site.connection, "execute", dying)
    with suppress(Killed):
        site.restore(made.name)
    monkeypatch.undo()
    assert (site.settings.folder / restoring.PROGRESS).exists() == (len(done) >= after)
    restoring.finish(site.settings, site.connection)
    assert site.content() == before
    # what was replaced is neither lost nor taken for the restored
    assert site.ask("SELECT * FROM zakaz__replaced.stg_orders FINAL ORDER BY ALL") == later["zakaz.stg_orders"]


def test_a_run_killed_while_it_fills_leaves_the_live_tables_alone(
    site: Site, changed: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = site.backup()
    old = site.content()
    changed()
    before = site.content()
    execute = site.connection.execute

    def dying(sql: str, settings: object = None) -> str:
        if sql.startswith("RESTORE") and "structure_only" not in sql:
            monkeypatch.setattr(site.connection, "execute", dead)
            raise Killed
        return execute(sql, settings)

    def dead(sql: str, settings: object = None) -> str:
        raise Killed

    monkeypatch.setattr(site.connection, "execute", dying)
    with pytest.raises(Killed):
        site.restore(made.name)
    monkeypatch.undo()
    assert site.content() == before
    site.restore(made.name)
    assert site.content() == old
