"""The command of the host: each verb says what it did as JSON, and ends with a code and a sentence when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest
from zakaz_backup import __main__ as command

from tests.backup.conftest import Site
from tests.makefile import REPOSITORY

pytestmark = pytest.mark.patient


@pytest.fixture
def run(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Runs a verb beside processes instead of containers: (exit code, what it printed, what it said)."""
    monkeypatch.setattr(command, "HttpConnection", lambda *_, **__: site.connection)
    monkeypatch.setattr(command, "ContainerFolder", lambda _: site.folder)
    monkeypatch.setattr(command, "image_of", lambda _: "none")
    monkeypatch.setattr(command, "remove_leftovers", lambda _: None)
    monkeypatch.setattr(command, "throwaway", lambda *_: site._throwaway())
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    file = site.settings.zakaz_dir / "backup.json"
    file.write_text(json.dumps(asdict(site.settings), default=str))

    def start(*words: str) -> tuple[int, Any, str]:
        code = command.main(["--settings", str(file), *words])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out else None, said.err

    return start


def test_a_backup_is_made_proved_listed_and_brought_back(site: Site, run: Callable[..., Any]) -> None:
    before = site.content()
    code, made, said = run("backup")
    assert (code, made["changed"], made["passed"]) == (0, True, True), said
    code, listed, _ = run("list")
    assert (code, listed["changed"]) == (0, False)
    assert [(one["name"], one["good"]) for one in listed["backups"]] == [(made["name"], True)]
    code, proved, _ = run("drill")
    assert (code, proved["name"]) == (0, made["name"])
    site.sql("TRUNCATE TABLE zakaz.plan")
    code, _, said = run("restore", "--table", "zakaz.plan")
    assert code != 0 or site.content() == before, said
    code, _, said = run("restore", "--table", "zakaz.plan", "--confirm")
    assert code == 0, said
    assert site.content() == before
    kinds = {row["kind"] for row in site.ask("SELECT DISTINCT kind FROM meta.backup_runs WHERE status = 'success'")}
    assert {"backup", "drill", "restore"} <= kinds


def test_what_is_not_there_is_named(site: Site, run: Callable[..., Any]) -> None:
    code, printed, said = run("restore", "no-such-backup", "--confirm")
    assert code != 0 and printed is None
    assert "no-such-backup" in said
    site.settings.folder.rename(site.settings.folder.with_name("unmounted"))
    code, printed, said = run("backup")
    assert code != 0 and printed is None
    assert f"backup_dir={site.settings.folder} is not there" in said


@pytest.mark.parametrize(
    ("failure", "code", "says"),
    [
        (command.Unreachable("127.0.0.1:1 does not answer"), 69, "does not answer. Start it with make deploy."),
        (OSError(28, "No space left on device", "/backups/x"), 74, "/backups/x: No space left on device."),
    ],
)
def test_what_stops_a_verb_is_a_sentence(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, failure: Exception, code: int, says: str
) -> None:
    def stopped(*_: object) -> None:
        raise failure

    monkeypatch.setattr(command.backups, "stored", stopped)
    found, printed, said = run("list")
    assert (found, printed) == (code if code == 69 else command.BackupFailure.code, None)
    assert said.strip().endswith(says)


def test_settings_of_another_version_are_refused(site: Site, run: Callable[..., Any], capsys: Any) -> None:
    file = site.settings.zakaz_dir / "backup.json"
    for text, says in (("{}", "do not fit this program"), ("{", "cannot be read")):
        file.write_text(text)
        assert command.main(["--settings", str(file), "list"]) != 0
        assert f"The settings {file} {says}" in capsys.readouterr().err


def test_a_backup_that_breaks_off_is_in_the_journal(
    site: Site, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/backups/x")

    monkeypatch.setattr(command, "take", full)
    assert run("backup")[0] == command.BackupFailure.code
    (row,) = site.ask("SELECT kind, status, error FROM meta.backup_runs")
    assert (row["kind"], row["status"]) == ("backup", "failed")
    assert "No space left on device" in row["error"]


def test_a_journal_that_takes_nothing_is_a_warning(site: Site, run: Callable[..., Any]) -> None:
    site.sql("DROP TABLE meta.backup_runs SYNC")
    code, made, said = run("backup")
    assert (code, made["passed"]) == (0, True)
    assert "warning: meta.backup_runs has no row of this run" in said


def test_a_restore_done_once_is_not_done_again(site: Site, run: Callable[..., Any]) -> None:
    run("backup")
    assert run("restore", "--confirm", "--once")[0] == 0
    code, again, said = run("restore", "--confirm", "--once")
    assert (code, again["skipped"]) == (0, True), said


def test_a_fresh_host_is_asked_with_nothing_but_pythons_own_library(site: Site, run: Callable[..., Any]) -> None:
    _, made, _ = run("backup")
    folders = [str(REPOSITORY / part) for part in ("roles/backup/files", "module_utils", "packages/zakaz_common/src")]
    file = str(site.settings.zakaz_dir / "backup.json")
    code = (
        f"import sys; sys.path[:0] = {folders!r}; from zakaz_backup.__main__ import main; "
        f"sys.exit(main(['--settings', {file!r}, 'choose', 'latest']))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == made["name"]
