"""The command of a loader on its host: what it gives Docker, and how it shows the loader a folder of the host."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import jinja2
import pytest

TEMPLATE = Path(__file__).parents[2] / "roles/loader/templates/command.sh.j2"
VALUES = {
    "ansible_managed": "managed",
    "zakaz_docker_host": "unix:///run/docker.sock",
    "zakaz_name": "zakaz",
    "zakaz_network": "zakaz",
    "loader_memory": "512m",
    "loader_image": "zakaz/ticket-shop:1",
    "__loader_slug": "zakaz-ticket-shop",
    "__loader_environment_file": {"path": "/opt/zakaz/ticket_shop.env"},
    "__loader_source": {"volume": "zakaz-ticket-shop-state", "ended_file": "/nowhere/ended.json"},
}


@pytest.fixture
def command(tmp_path):
    """Run the command with a Docker that tells its arguments, one a line."""
    script = tmp_path / "command"
    text = TEMPLATE.read_text(encoding="utf-8")
    script.write_text(jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(text).render(VALUES))
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin/docker"
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    docker.chmod(0o755)

    def run(*words, cwd=tmp_path, **environment):
        return subprocess.run(
            ["sh", script, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", **environment},
        )

    return run


def words_after_image(done) -> list[str]:
    lines = done.stdout.splitlines()
    return lines[lines.index(VALUES["loader_image"]) + 1 :]


def test_a_run_mounts_nothing_of_the_host(command):
    done = command("backfill", "--from", "2026-01-01", "--to", "2026-01-31")
    assert "--mount" not in done.stdout
    assert words_after_image(done) == ["backfill", "--from", "2026-01-01", "--to", "2026-01-31"]


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("name", ["sheets", "my sheets, май"])
def test_a_folder_is_shown_read_only_and_its_argument_says_where(command, tmp_path, name, joined):
    folder = tmp_path / name
    folder.mkdir()
    words = [f"--dir={folder}"] if joined else ["--dir", str(folder)]
    done = command("import-sheets", *words, "--explain")
    lines = done.stdout.splitlines()
    assert lines[lines.index("--mount") + 1] == f'type=bind,"source={folder}","target=/import/{name}",readonly'
    shown = [f"--dir=/import/{name}"] if joined else ["--dir", f"/import/{name}"]
    assert words_after_image(done) == ["import-sheets", *shown, "--explain"]


def test_a_file_named_from_where_the_operator_stands(command, tmp_path):
    (tmp_path / "plan.csv").touch()
    done = command("import-plan", "--explain", "--file", "plan.csv")
    assert f'type=bind,"source={tmp_path}/plan.csv","target=/import/plan.csv",readonly' in done.stdout
    assert words_after_image(done) == ["import-plan", "--explain", "--file", "/import/plan.csv"]


def test_a_path_that_is_not_there_is_refused_before_docker_is_asked(command):
    done = command("import-sheets", "--dir", "/nowhere/at all")
    assert done.returncode == 65
    assert done.stdout == ""
    assert done.stderr == "/nowhere/at all does not exist on this host; give --dir a folder and --file a file of it\n"


def test_a_path_docker_could_misread_is_refused(command, tmp_path):
    (tmp_path / 'a"b').mkdir()
    done = command("import-sheets", "--dir", tmp_path / 'a"b')
    assert (done.returncode, done.stdout) == (65, "")
    assert "rename it" in done.stderr


def test_the_image_that_runs_can_be_read_from_the_command(command, tmp_path):
    # roles/schedules/files/hold.sh reads it so
    done = subprocess.run(
        ["sed", "-n", r's/^ *\(\S*\) "\$@"$/\1/p', tmp_path / "command"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == VALUES["loader_image"]


@pytest.mark.parametrize(
    ("words", "held", "code"),
    [
        (["run"], "0f3c", 75),
        (["backfill", "--from", "2026-01-01"], "0f3c", 75),
        (["check"], "0f3c", 0),
        (["status"], "0f3c", 0),
        (["run"], "", 0),
    ],
)
def test_a_trial_without_the_state_loads_nothing_while_the_loader_is_held(command, tmp_path, words, held, code):
    """It does not see the lock that holds the others."""
    (tmp_path / "bin/docker").write_text(f"#!/bin/sh\n[ $1 = run ] || printf '{held}'\n")
    done = command(*words, LOADER_STATE="")
    assert done.returncode == code
    assert ("The loader is held" in done.stderr) == (code == 75)
    # with its state it asks the lock itself
    assert command(*words).returncode == 0


class Noted:
    """The command with a Docker that ends as it is told, in a folder where it may note that."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.note = folder, folder / "ended.json"
        values = VALUES | {"__loader_source": {"volume": "state", "ended_file": str(self.note)}}
        text = TEMPLATE.read_text(encoding="utf-8")
        (folder / "command").write_text(jinja2.Environment().from_string(text).render(values))
        (folder / "bin").mkdir()

    def start(self, docker: str, *words: str, **environment: str) -> subprocess.Popen:
        fake = self.folder / "bin/docker"
        fake.write_text(f"#!/bin/sh\n{docker}\n")
        fake.chmod(0o755)
        return subprocess.Popen(
            ["sh", self.folder / "command", *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", **environment},
        )


@pytest.fixture
def noted(tmp_path):
    return Noted(tmp_path)


@pytest.mark.parametrize("code", [0, 65, 78, 125, 137])
def test_how_a_run_ends_is_noted_and_not_changed(noted, code):
    before = int(time.time())
    run = noted.start(f"echo last line; exit {code}", "run")
    assert run.communicate(timeout=20) == ("last line\n", None)
    assert run.returncode == code
    told = json.loads(noted.note.read_text())
    assert told["exit_code"] == code
    assert before <= told["started"] <= told["ended"] <= time.time()
    assert {path.name for path in noted.folder.iterdir()} == {"bin", "command", "ended.json"}


@pytest.mark.parametrize(
    ("words", "code", "environment"),
    [
        (["check"], 78, {}),
        (["run", "--dry-run"], 0, {}),
        (["backfill", "--from", "2026-01-01"], 78, {}),
        (["run"], 75, {}),
        (["run"], 78, {"LOADER_ENV_FILE": "/x"}),
        (["run"], 78, {"LOADER_STATE": ""}),
        ([], 2, {}),
    ],
)
def test_what_is_no_run_of_the_schedule_is_not_noted(noted, words, code, environment):
    noted.note.write_text("before")
    run = noted.start(f"exit {code}", *words, **environment)
    run.communicate(timeout=20)
    assert run.returncode == code
    assert noted.note.read_text() == "before"


def test_run_that_is_asked_to_stop_ends_by_itself_and_is_noted(noted):
    run = noted.start("trap 'sleep 0.3; echo stopped; exit 75' TERM; echo up; while :; do sleep 0.05; done", "run")
    assert run.stdout.readline() == "up\n"
    run.terminate()
    assert run.communicate(timeout=20) == ("stopped\n", None)
    assert run.returncode == 75
    assert not noted.note.exists()


def test_note_that_cannot_be_written_changes_nothing(noted):
    noted.note.mkdir()
    (noted.note / "x").touch()
    run = noted.start("exit 78", "run")
    run.communicate(timeout=20)
    assert run.returncode == 78
