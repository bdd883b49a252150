"""Command line. Words go to stderr, the result as JSON to stdout.

Exit codes: 0 done, 65 a backup does not hold what it should, 69 something does not answer, 74 a fault of the host,
75 another run is at work, 78 refused: a setting or a decision is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from zakaz_clickhouse.connection import HttpConnection
from zakaz_clickhouse.failures import ClickHouseFailure, EngineFailure, Unreachable

from . import backups, filling, host_files, journal, metrics, retention, run_lock, settings
from .containers import ContainerFolder, image_of, remove_leftovers, throwaway
from .drill import drill, require_passed
from .encryption import SUFFIX, opened
from .failures import BackupFailure, UnavailableFailure
from .manifest import HOST, Manifest
from .restore import Request, finish, restore
from .store import FolderStore, S3Store, Store
from .take import Source, take


class Program:
    """The verbs over one deployment's settings."""

    def __init__(self, configured: settings.Settings) -> None:
        self._settings = configured
        self._store: Store = (
            S3Store(configured.s3, configured.folder) if configured.s3 else FolderStore(configured.folder)
        )

    @cached_property
    def _connection(self) -> HttpConnection:
        # not before it is needed: on a fresh host `choose` runs with Python's own library alone
        configured = self._settings
        return HttpConnection(
            configured.host,
            configured.port,
            os.environ.get("ZAKAZ_BACKUP_USERNAME", configured.username),
            os.environ.get("ZAKAZ_BACKUP_PASSWORD", configured.password),
            timeout=configured.timeout,
        )

    def backup(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Make a backup, prove it by a drill, then delete what retention no longer needs."""
        with self._locked("backup"):
            started = datetime.now(UTC)
            source = Source(
                self._connection, ContainerFolder(self._settings.container), image_of(self._settings.container)
            )
            try:
                made = take(self._settings, self._store, source)
            except (BackupFailure, ClickHouseFailure, OSError) as failure:
                journal.write(self._connection, "backup", "", started, error=str(failure))
                raise
            self._journal("backup", made, started)
            say(f"{made.name}: {made.tables} tables, {made.rows} rows, {made.bytes} bytes; now the drill")
            result = self._drill(made.name)
            for name in retention.to_delete(
                [retention.Kept(b.name, b.created_at, b.good) for b in self._stored()],
                self._settings.keep_daily,
                self._settings.keep_weekly,
            ):
                self._store.delete(name)
                say(f"{name}: deleted, neither a day nor a week needs it")
            self._write_metrics()
            return result

    def drill(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Prove a backup again, or prove that another image and configuration restore it."""
        with self._locked("drill"):
            name = arguments.name
            if name == backups.LATEST:
                newest = self._stored()[-1:]
                name = newest[0].name if newest else backups.choose(self._store, name, self._settings.project).name
            result = self._drill(name, arguments.image, arguments.config_dir)
            self._write_metrics()
            return result

    def _drill(self, name: str, image: str = "", config_dir: str = "") -> dict[str, Any]:
        remove_leftovers(self._settings.project)
        backups.choose(self._store, name, self._settings.project)
        started = datetime.now(UTC)
        configured = self._settings
        ours = not image
        verdict = drill(
            self._store,
            name,
            lambda: throwaway(
                configured,
                image or image_of(configured.container),
                Path(config_dir) if config_dir else configured.config_dir,
            ),
            configured.age_identity,
            record=ours,
        )
        if ours:
            said = journal.write(
                self._connection, "drill", name, started, error=verdict.reason, engine_version=verdict.engine_version
            )
            warn_unwritten(said)
        self._write_metrics()
        require_passed(verdict, name)
        say(f"{name}: the drill passed on ClickHouse {verdict.engine_version} in {verdict.seconds} s")
        return {"name": name, "changed": True, **asdict(verdict)}

    def list(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """List the backups, oldest first."""
        self._store.check()
        found = [
            {
                "name": backup.name,
                "created_at": backup.created_at.isoformat(),
                "age_hours": round((datetime.now(UTC) - backup.created_at).total_seconds() / 3600, 1),
                "good": backup.good,
                "drill": asdict(backup.verdict) if backup.verdict else None,
            }
            for backup in self._stored()
        ]
        return {"changed": False, "backups": found}

    def choose(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Say which backup a restore would take; also on a host where nothing is deployed yet."""
        if self._settings.s3:
            self._store.check()
        chosen = backups.choose_to_restore(
            self._store,
            arguments.name,
            arguments.project or self._settings.project,
            has_key=bool(self._settings.age_identity),
            undrilled=arguments.undrilled,
        )
        return {"changed": False, "name": chosen.name, "good": chosen.good}

    def restore(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Bring a backup, or a part of it, back into the live ClickHouse."""
        with self._locked("restore"):
            started = datetime.now(UTC)
            finished = finish(self._settings, self._connection)
            if finished:
                say("an interrupted restore was finished first")
            chosen = backups.choose(self._store, arguments.name, arguments.project or self._settings.project)
            request = Request(
                tables=tuple(arguments.table),
                databases=tuple(arguments.database),
                confirmed=arguments.confirm,
                project=arguments.project,
                schema_of_backup=arguments.schema_of_backup,
                once=arguments.once,
            )
            try:
                folder = self._store.fetch(chosen.name)
                result = restore(
                    self._settings, self._connection, ContainerFolder(self._settings.container), folder, request
                )
            except (BackupFailure, EngineFailure, OSError) as failure:
                journal.write(self._connection, "restore", chosen.name, started, error=str(failure))
                raise
            finally:
                self._store.release()
            if result["skipped"]:
                return result
            said = journal.write(
                self._connection, "restore", chosen.name, started, tables=result["tables"], rows=result["rows"]
            )
            warn_unwritten(said)
            for database in result["replaced"]:
                say(f"what was replaced is in the database {database} until the next restore")
            return result

    def state(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """Give loaders without state the state of a backup."""
        with self._locked("state"):
            chosen = backups.choose(self._store, arguments.name, arguments.project or self._settings.project)
            try:
                folder = self._store.fetch(chosen.name)
                manifest, _ = filling.verified(folder, self._settings.age_identity)
                file = folder / f"{HOST}{SUFFIX if manifest.encrypted else ''}"
                with opened(file, self._settings.age_identity) as stream:
                    put = host_files.put_state(self._settings, image_of(self._settings.container), stream)
            finally:
                self._store.release()
            return {"name": chosen.name, "changed": bool(put), "loaders": put}

    def _locked(self, verb: str) -> Any:
        if not self._settings.folder.is_dir():
            raise UnavailableFailure(
                f"backup_dir={self._settings.folder} is not there: mount its disk, or run make deploy."
            )
        self._store.check()
        return run_lock.held(self._settings.folder, verb)

    def _stored(self) -> Sequence[backups.Backup]:
        return backups.stored(self._store, self._settings.project)

    def _write_metrics(self) -> None:
        metrics.write(self._settings.metrics_file, self._stored())

    def _journal(self, kind: str, made: Manifest, started: datetime) -> None:
        said = journal.write(
            self._connection,
            kind,
            made.name,
            started,
            size_bytes=made.bytes,
            tables=made.tables,
            rows=made.rows,
            engine_version=made.engine_version,
        )
        warn_unwritten(said)


def say(words: str) -> None:
    """A line for the journal of the host."""
    print(words, file=sys.stderr, flush=True)


def warn_unwritten(reason: str) -> None:
    """Say that meta.backup_runs has no row of this run."""
    if reason:
        say(f"warning: {journal.TABLE} has no row of this run: {reason}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser("zakaz-backup", description=__doc__.split("\n\n")[0])
    made.add_argument("--settings", type=Path, required=True)
    verbs = made.add_subparsers(dest="verb", required=True)
    verbs.add_parser("backup", help="make a backup, prove it by a drill, delete what is too old")
    verbs.add_parser("list", help="list the backups")
    again = verbs.add_parser("drill", help="prove a backup again")
    again.add_argument("name", nargs="?", default=backups.LATEST, help="a backup; the newest when not given")
    again.add_argument("--image", default="", help="restore into this image instead of the one that runs")
    again.add_argument("--config-dir", default="", help="folder with config.d and users.d to start it with")
    back = verbs.add_parser("restore", help="bring a backup back into the live ClickHouse")
    state = verbs.add_parser("state", help="give loaders without state the state of a backup")
    choice = verbs.add_parser("choose", help="say which backup a restore would take")
    choice.add_argument("--undrilled", action="store_true", help="also one that no drill has proved")
    for verb in (back, state, choice):
        verb.add_argument(
            "name", nargs="?", default=backups.LATEST, help="a backup; the newest good one when not given"
        )
        verb.add_argument("--project", default="", help="accept a backup of this deployment")
    back.add_argument("--table", action="append", default=[], help="database.table; may be repeated")
    back.add_argument("--database", action="append", default=[], help="may be repeated")
    back.add_argument("--confirm", action="store_true", help="live data may be replaced")
    back.add_argument("--once", action="store_true", help="nothing is done where it was done before")
    back.add_argument("--schema-of-backup", action="store_true", help="accept the backup's definitions")
    return made


def main(command_line: list[str] | None = None) -> int:
    """Run a verb; return the exit code."""
    arguments = parser().parse_args(command_line)
    # a stop by systemd unwinds: the throw-away container and the snapshot go
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        program = Program(settings.load(arguments.settings))
        print(json.dumps(getattr(program, arguments.verb)(arguments), ensure_ascii=False))
        return 0
    except BackupFailure as failure:
        say(str(failure))
        return failure.code
    except Unreachable as failure:
        say(f"{failure}. Start it with make deploy.")
        return UnavailableFailure.code
    except EngineFailure as failure:
        say(f"ClickHouse refuses what was asked: {failure.text[:500]}")
        return BackupFailure.code
    except OSError as error:
        say(f"{error.filename or 'The host'}: {error.strerror or error}.")
        return BackupFailure.code


if __name__ == "__main__":
    sys.exit(main())
