"""Programs that tests need are installed where they are missing, and a missing one is a failure, not a skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY
from tests.programs import require_program

SCRIPT = REPOSITORY / "scripts/install_test_tools.sh"
PROGRAMS = ("promtool", "rclone", "age", "ssh", "rsync", "curl")
NEEDED = ("sh", "env", "mktemp", "rm", "tar")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def said(tmp_path: Path) -> Path:
    return tmp_path / "said"


@pytest.fixture
def run(tmp_path: Path, said: Path) -> Run:
    """Runs the script on a machine that has only what is named; each call of a stand-in is a line in `said`."""
    place = tmp_path / "bin"
    place.mkdir()
    for name in NEEDED:
        (place / name).symlink_to(shutil.which(name) or name)

    def stand_in(name: str, does: str = "") -> None:
        (place / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"{said}"\n{does}\n')
        (place / name).chmod(0o755)

    def start(have: tuple[str, ...] = (), user: int = 0, **stand_ins: str) -> subprocess.CompletedProcess[str]:
        for name in have:
            stand_in(name)
        stand_in("id", f"echo {user}")
        for name in ("apt-get", "dpkg-deb", "install", "sudo"):
            stand_in(name, stand_ins.get(name.replace("-", "_"), ""))
        return subprocess.run([SCRIPT], env={"PATH": str(place)}, capture_output=True, text=True, check=False)

    return start


def test_nothing_is_done_where_all_are_there(run: Run, said: Path) -> None:
    done = run(PROGRAMS, user=1000)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not said.exists()


def test_only_what_is_missing_is_installed(run: Run, said: Path) -> None:
    done = run(("promtool", "age", "ssh", "curl"))
    assert done.returncode == 0, done.stderr
    calls = [line.split() for line in said.read_text().splitlines() if line.startswith("apt-get")]
    assert [call[-1] for call in calls] == ["update", "rsync"]
    assert calls[1][-4:] == ["--yes", "--no-install-recommends", "rclone", "rsync"]


def test_promtool_comes_without_a_server(run: Run, said: Path, tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/promtool").write_text("the program\n")
    download = '[ "$4" = download ] && : >prometheus_2_amd64.deb; exit 0'
    copy = f'read -r line <"$3" && echo "$line" >{tmp_path}/installed'
    done = run(PROGRAMS[1:], apt_get=download, dpkg_deb=f"tar -c -C {tmp_path} ./usr/bin/promtool", install=copy)
    assert done.returncode == 0, done.stderr
    lines = said.read_text().splitlines()
    assert not [line for line in lines if line.startswith("apt-get") and " install" in line]
    assert (tmp_path / "installed").read_text() == "the program\n"
    assert [line.split()[-1] for line in lines if line.startswith("install ")] == ["/usr/local/bin/promtool"]


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ('case "$*" in *update*) exit 100 ;; esac', "is a Debian mirror in reach?"),
        ('case "$*" in *install*) exit 100 ;; esac', "apt-get install failed"),
    ],
)
def test_a_failure_of_apt_is_told_with_what_to_do(run: Run, does: str, says: str) -> None:
    done = run(("promtool", "ssh", "curl"), apt_get=does)
    assert done.returncode == 69
    assert says in done.stderr
    assert "sudo apt-get install --no-install-recommends rclone age rsync" in done.stderr


def test_who_may_not_install_is_told_what_to_type(run: Run, said: Path) -> None:
    done = run(("promtool", "age", "ssh", "curl"), user=1000, sudo="exit 1")
    assert done.returncode == 69
    assert "sudo asks for a password" in done.stderr
    assert "sudo apt-get install --no-install-recommends rclone rsync" in done.stderr
    assert "apt-get" not in said.read_text()


def test_sudo_that_asks_nothing_is_used(run: Run, said: Path) -> None:
    done = run(PROGRAMS[:-1], user=1000, sudo='[ "$2" = true ] || { shift; exec "$@"; }')
    assert done.returncode == 0, done.stderr
    asked = [line for line in said.read_text().splitlines() if line.startswith("sudo -n env")]
    assert [line.split()[-1] for line in asked] == ["update", "curl"]


@pytest.mark.parametrize("variable", ["ZAKAZ_REQUIRE_PROGRAMS", "CI"])
def test_a_missing_program_fails_where_all_is_proved(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    for name in ("ZAKAZ_REQUIRE_PROGRAMS", "CI"):
        monkeypatch.delenv(name, raising=False)
    # a skip that comes instead of a failure would skip this very test
    either = pytest.raises(
        (pytest.skip.Exception, pytest.fail.Exception), match=r"no-such .*: run scripts/install_test_tools"
    )
    with either as seen:
        require_program("no-such")
    assert seen.type is pytest.skip.Exception
    monkeypatch.setenv(variable, "true")
    with either as seen:
        require_program("no-such")
    assert seen.type is pytest.fail.Exception
    assert require_program("sh") == shutil.which("sh")


@pytest.mark.parametrize(
    ("target", "quick", "required"),
    [("unit-repository", "", True), ("schema-test", "", True), ("unit-repository", "1", False)],
)
def test_make_installs_them_and_requires_them(target: str, quick: str, required: bool, tmp_path: Path) -> None:
    """What a recipe sees: the stand-in shell prints each command and the variable."""
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\necho "$ZAKAZ_REQUIRE_PROGRAMS|$2"\n')
    shell.chmod(0o755)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "COVERAGE")
    }
    done = subprocess.run(
        ["make", f"QUICK={quick}", f"SHELL={shell}", "--old-file=.venv/develop", target],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    at = {word: n for n, line in enumerate(lines) for word in ("install_test_tools.sh", " -m pytest ") if word in line}
    assert at["install_test_tools.sh"] < at[" -m pytest "], done.stdout
    assert bool(lines[at[" -m pytest "]].split("|")[0]) is required
    assert ("|| true" in lines[at["install_test_tools.sh"]]) is not required
