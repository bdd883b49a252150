"""Nobody loads while a restore, an upgrade or a rotation is at work: not a timer, not a service, not a run by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from zakaz_common.errors import EXIT_TRY_LATER, LockHeldError
from zakaz_common.run_lock import run_lock

from tests.makefile import REPOSITORY
from tests.sources import ENABLED, SOURCES

pytestmark = pytest.mark.patient
SCRIPT = REPOSITORY / "roles/schedules/files/hold.sh"
# one that is off is not held
LOADERS = tuple(name for name in ENABLED if not SOURCES[name]["optional"])
FIRST, OTHER = LOADERS[:2]
# answers as systemd does, from a folder with a file a timer: enabled or disabled, and .active beside it
SYSTEMCTL = """#!/bin/sh
cd "$FAKE_DOCKER/timers" && echo "$*" >>calls
case $1 in
    is-enabled) if [ -e "$2" ]; then cat "$2"; else echo not-found; exit 4; fi ;;
    is-active) [ -e "$3.active" ] ;;
    stop) rm -f "$2.active" ;;
    start) touch "$2.active" ;;
esac
"""


def slug(loader: str) -> str:
    return f"zakaz-{loader.replace('_', '-')}"


class Host:
    """A host with two loaders, whose runs are this process's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "FAKE_DOCKER": str(folder), "PATH": f"{folder}/bin:{os.environ['PATH']}"}
        for name in ("bin", "volumes", "timers"):
            (folder / name).mkdir()
        self._program("docker", f'#!/bin/sh\nexec {sys.executable} {Path(__file__).parent}/fake_docker.py "$@"\n')
        self._program("systemctl", SYSTEMCTL)
        (folder / "images").write_text("loader:1\n")
        for loader in LOADERS:
            self.state(loader).mkdir()
            (folder / slug(loader)).write_text('#!/bin/sh\nset -- docker run \\\n    loader:1 "$@"\n"$@" &\n')
            (folder / "timers" / f"{slug(loader)}.timer").write_text("enabled\n")
            (folder / "timers" / f"{slug(loader)}.timer.active").touch()

    def _program(self, name: str, text: str) -> None:
        (self.folder / "bin" / name).write_text(text)
        (self.folder / "bin" / name).chmod(0o755)

    def state(self, loader: str) -> Path:
        return self.folder / "volumes" / f"{slug(loader)}-state"

    def command(
        self, verb: str, work: str = "a restore", loaders: tuple[str, ...] = LOADERS, patience: int = 30,
        seconds: int = 3600, units: str = "yes",
    ) -> list[str]:  # fmt: skip
        four = [(name, slug(name), str(self.folder / slug(name)), f"{slug(name)}-state") for name in loaders]
        return [
            "sh",
            str(SCRIPT),
            verb,
            "zakaz",
            work,
            str(seconds),
            str(patience),
            units,
            *(w for f in four for w in f),
        ]

    def start(self, verb: str, **more) -> subprocess.Popen:
        return subprocess.Popen(self.command(verb, **more), env=self.environment, stdout=subprocess.PIPE, text=True)

    def run(self, verb: str, **more) -> tuple[int, str]:
        done = self.start(verb, **more)
        told, _ = done.communicate(timeout=60)
        return done.returncode, told.strip()

    def refusal(self, loader: str) -> str:
        """What somebody is told who runs a loader now; empty where it runs."""
        try:
            with run_lock(self.state(loader), loader, "by-hand"):
                return ""
        except LockHeldError as error:
            assert error.exit_code == EXIT_TRY_LATER
            return str(error)

    def active(self) -> set[str]:
        return {path.name.removesuffix(".timer.active") for path in self.folder.glob("timers/*.active")}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.run("release")


@pytest.mark.parametrize("loader", LOADERS)
def test_a_run_by_hand_is_refused_with_what_is_at_work_and_since_when(host: Host, loader: str) -> None:
    assert host.run("hold") == (0, "")
    told = host.refusal(loader)
    assert told.startswith("a restore is at work since 20"), told
    assert "the loaders may run again when it has ended" in told
    assert "make deploy lets them run" in told
    host.run("release")
    assert host.refusal(loader) == ""


def test_a_run_of_an_image_of_before_is_refused_too(host: Host) -> None:
    """It reads of the note what it knows."""
    host.run("hold")
    note = json.loads((host.state(OTHER) / f"{OTHER}.lock").read_text())
    assert "run {run_id}, pid {pid} on {host}, since {since}".format_map(note)
    assert note["run_id"] == "(none: a restore is at work)"


def test_the_run_that_works_is_waited_for(host: Host) -> None:
    with run_lock(host.state(OTHER), OTHER, "working"):
        holding = host.start("hold")
        time.sleep(2)
        assert holding.poll() is None
    assert holding.wait(timeout=30) == 0
    assert "a restore is at work" in host.refusal(OTHER)


def test_a_run_that_does_not_end_is_named_with_what_to_do(host: Host) -> None:
    with run_lock(host.state(OTHER), OTHER, "working"):
        code, told = host.run("hold", patience=1)
    assert code == 1
    assert told.startswith(f"{slug(OTHER)} still runs after 1 s. Wait for its end")
    assert "schedules_patience" in told


def test_timers_stop_and_those_that_are_enabled_start_again(host: Host) -> None:
    (host.folder / f"timers/{slug(OTHER)}.timer").write_text("disabled\n")
    host.run("hold")
    assert host.active() == set()
    code, told = host.run("release")
    assert host.active() == {slug(FIRST)}
    assert code == 0
    assert f"started {slug(FIRST)}.timer" in told
    assert host.run("release") == (0, "")


def test_who_runs_the_loaders_itself_leaves_the_timers_stopped(host: Host) -> None:
    host.run("hold")
    code, told = host.run("unlock")
    assert (code, told.split()) == (0, ["released", slug(FIRST), "released", slug(OTHER)])
    assert host.active() == set()
    assert host.refusal(OTHER) == ""


def test_a_host_without_units_has_no_timers(host: Host) -> None:
    host.run("hold", units="no")
    host.run("release", units="no")
    assert not (host.folder / "timers/calls").exists()


def test_a_loader_without_a_timer_is_held(host: Host) -> None:
    (host.folder / f"timers/{slug(OTHER)}.timer").unlink()
    assert host.run("hold")[0] == 0
    assert host.refusal(OTHER)
    assert host.run("release")[0] == 0


def test_only_what_is_named_is_held(host: Host) -> None:
    host.run("hold", loaders=(OTHER,))
    assert host.active() == {slug(FIRST)}
    assert host.refusal(FIRST) == ""
    assert host.refusal(OTHER)


def test_a_hold_that_was_left_behind_gives_way_to_the_next(host: Host) -> None:
    host.run("hold", work="a rotation of secrets", loaders=(OTHER,))
    assert host.run("hold", work="an upgrade") == (0, f"released {slug(OTHER)}")
    for loader in LOADERS:
        assert host.refusal(loader).startswith("an upgrade is at work")


def test_a_hold_ends_by_itself_in_the_end(host: Host) -> None:
    host.run("hold", seconds=2)
    assert host.refusal(OTHER)
    for _ in range(50):
        time.sleep(0.2)
        if not host.refusal(OTHER):
            return
    pytest.fail("it is held still")


@pytest.mark.parametrize("missing", ["volume", "command", "image"])
def test_what_nobody_can_start_needs_no_hold(host: Host, missing: str) -> None:
    if missing == "volume":
        host.state(OTHER).rmdir()
    elif missing == "command":
        (host.folder / slug(OTHER)).unlink()
    else:
        (host.folder / "images").write_text("other:1\n")
    assert host.run("hold") == (0, "")
    # nothing was made of it either
    assert host.state(OTHER).exists() == (missing != "volume")
    assert not (host.folder / f"{slug(OTHER)}-hold.run").exists()


def test_a_lock_that_cannot_be_had_is_said(host: Host) -> None:
    host.state(OTHER).joinpath(f"{OTHER}.lock").mkdir()
    code, told = host.run("hold")
    assert code == 1
    assert told.startswith(f"The lock of {slug(OTHER)} cannot be had")


def test_it_holds_nothing_where_docker_does_not_answer(host: Host) -> None:
    (host.folder / "bin/docker").write_text("#!/bin/sh\nexit 1\n")
    code, told = host.run("hold")
    assert code == 1
    assert told.startswith("Docker does not answer")


def test_what_holds_is_of_the_deployment_and_says_for_what(host: Host) -> None:
    host.run("hold")
    words = (host.folder / f"{slug(OTHER)}-hold.run").read_text().splitlines()
    assert {"zakaz.deployment=zakaz", "zakaz.hold=a restore", "--read-only", "--rm"} <= set(words)
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert words[words.index("--network") + 1] == "none"
    assert "--restart" not in words, "a reboot would not release it"


# Who holds: the tasks that change what loaders read or write, each after a hold.

ROLES = REPOSITORY / "roles"
HOLD = "schedules hold"
BACK = ["--confirm", "--schema-of-backup"]


def steps(tasks: list[dict], folder: Path) -> Iterator[str]:
    """What tasks do, in order: `ROLE TASKS_FROM WORDS` for a role, `file NAME` for a file of tasks, then its own."""
    for task in tasks:
        yield from steps(task.get("block", []), folder)
        for kind in ("include_role", "import_role"):
            if role := task.get(f"ansible.builtin.{kind}"):
                words = str((task.get("vars") or {}).get("backup_arguments", ""))
                yield f"{role['name']} {role.get('tasks_from', 'main')} {words}".strip()
        for kind in ("include_tasks", "import_tasks"):
            if file := task.get(f"ansible.builtin.{kind}"):
                name = file["file"] if isinstance(file, dict) else file
                yield f"file {name}"
                if (folder / name).exists():
                    yield from steps(tasks_of(folder / name), folder)


def tasks_of(path: Path) -> list[dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps_of(role: str, file: str) -> list[str]:
    folder = ROLES / role / "tasks"
    return list(steps(tasks_of(folder / file), folder))


def site() -> list[str]:
    [play] = yaml.safe_load((REPOSITORY / "playbooks/site.yml").read_text(encoding="utf-8"))
    return list(steps(play["tasks"], REPOSITORY))


@pytest.mark.parametrize(
    ("done", "change"),
    [
        (steps_of("restore", "main.yml"), "backup verb {{ __restore_arguments }}"),
        (steps_of("upgrade", "steps.yml"), "backup verb ['backup']"),
        (steps_of("upgrade", "steps.yml"), "clickhouse main"),
        (steps_of("upgrade", "back.yml"), "file back_engine.yml"),
        (steps_of("upgrade", "back.yml"), f"backup verb {['restore', '{{ __upgrade_backup }}', *BACK]}"),
        (steps_of("rotate", "change.yml"), "file backup_idle.yml"),
        (steps_of("rotate", "change.yml"), "clickhouse main"),
        (site(), "clickhouse main"),
        (site(), "restore reprovision"),
    ],
    ids=["restore", "upgrade", "upgrade-switch", "back-engine", "back-data", "rotate", "rotate-server", "reprovision",
         "reprovision-data"],
)  # fmt: skip
def test_loaders_are_held_before(done: list[str], change: str) -> None:
    assert change in done
    assert HOLD in done[: done.index(change)]


@pytest.mark.parametrize("role", ["backup", "restore", "rotate", "upgrade"])
def test_nobody_else_brings_data_back(role: str) -> None:
    """A file that restores holds the loaders itself, or is run by one that does."""
    for path in (ROLES / role / "tasks").glob("*.yml"):
        done = steps_of(role, path.name)
        restores = [step for step in done if "'restore'" in step or "__restore_arguments" in step]
        if restores and HOLD not in done[: done.index(restores[0])]:
            assert (role, path.name) in {("restore", "bring.yml"), ("restore", "reprovision.yml")}


@pytest.mark.parametrize(("playbook", "part"), [("restore", "always"), ("upgrade", "always"), ("site", "rescue")])
def test_a_play_that_fails_releases_its_own_hold_and_no_other(playbook: str, part: str) -> None:
    """The play of an operator whom the lock refuses ends in the same place."""
    [play] = yaml.safe_load((REPOSITORY / f"playbooks/{playbook}.yml").read_text(encoding="utf-8"))
    first = play["tasks"][0][part][0]
    assert list(steps([first], REPOSITORY)) == ["schedules release"]
    assert first["when"] == "schedules_hold"


def test_a_rotation_that_fails_releases_its_hold() -> None:
    [block] = [task for task in tasks_of(ROLES / "rotate/tasks/change.yml") if "block" in task]
    assert next(steps(block["always"], ROLES)) == "schedules release"


def test_the_loaders_may_run_before_a_deployment_runs_them() -> None:
    done = steps_of("sources", "main.yml")
    assert done.index("schedules unlock") < done.index("file source.yml")


def test_a_deployment_ends_a_hold_that_was_left_behind() -> None:
    [unlock] = [task for task in tasks_of(ROLES / "sources/tasks/main.yml") if task["name"] == "Let the loaders run"]
    assert "schedules_holders | intersect(docker_engine_containers)" in unlock["when"]


class Play:
    """The end of playbooks/restore.yml around some tasks, on the host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        [play] = yaml.safe_load((REPOSITORY / "playbooks/restore.yml").read_text(encoding="utf-8"))
        self._end = play["tasks"][0]["always"][0]

    def run(self, *tasks: dict) -> subprocess.CompletedProcess:
        folder = self._host.folder
        play = [{
            "name": "Work", "hosts": "localhost", "connection": "local", "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "tasks": [{"name": "Work", "block": list(tasks), "always": [self._end]}],
        }]  # fmt: skip
        (folder / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False))
        settings = {
            "zakaz_dir": str(folder), "zakaz_manages_units": True, "zakaz_repository": str(REPOSITORY),
            "clickhouse_admin_password": "x", "loader_hold_seconds": 3600, "schedules_patience": 5,
        }  # fmt: skip
        (folder / "settings.json").write_text(json.dumps(settings))
        return subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", "-e", f"@{folder}/settings.json",
             folder / "play.yml"],
            cwd=REPOSITORY, env=self._host.environment | {"ANSIBLE_NOCOLOR": "1"},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


def asked(host: Host) -> dict:
    """A task that does something under the lock of a loader's runs, as a run by hand does."""
    lock = host.state(OTHER) / f"{OTHER}.lock"
    return {"name": "Ask", "ansible.builtin.command": f"flock --nonblock {lock} touch {host.folder}/ran"}


def test_a_restore_holds_the_loaders_and_lets_them_go(host: Host) -> None:
    (host.folder / "zakaz-backup").write_text(
        f"#!/bin/sh\ncp {host.state(OTHER)}/{OTHER}.lock {host.folder}/note\n"
        f"ls {host.folder}/timers >{host.folder}/seen\n"
        f"flock --nonblock {host.state(FIRST)}/{FIRST}.lock touch {host.folder}/ran\n"
        'echo \'{"name": "b", "rows": 1, "tables": 1, "skipped": false, "restore_seconds": 1, "changed": true}\'\n'
    )
    (host.folder / "zakaz-backup").chmod(0o755)
    done = Play(host).run({"name": "Restore", "ansible.builtin.include_role": {"name": "restore"}})
    assert done.returncode == 0, done.stdout
    assert json.loads((host.folder / "note").read_text())["work"] == "a restore"
    assert not (host.folder / "ran").exists(), "a loader ran during the restore"
    assert "active" not in (host.folder / "seen").read_text()
    assert host.active() == {slug(FIRST), slug(OTHER)}
    assert host.refusal(OTHER) == ""


def test_a_play_that_fails_lets_the_loaders_go(host: Host) -> None:
    hold = {"name": "Hold", "ansible.builtin.include_role": {"name": "schedules", "tasks_from": "hold"}}
    done = Play(host).run(hold, asked(host))
    assert done.returncode != 0
    assert not (host.folder / "ran").exists()
    assert host.refusal(OTHER) == ""
    assert host.active() == {slug(FIRST), slug(OTHER)}


def test_an_operator_who_is_refused_lets_nobody_go(host: Host) -> None:
    host.run("hold")
    done = Play(host).run({"name": "Refuse", "ansible.builtin.fail": {"msg": "This deployment is locked"}})
    assert done.returncode != 0
    assert host.refusal(OTHER).startswith("a restore is at work")
    assert host.active() == set()


def test_a_run_that_does_not_end_stops_the_play_with_a_sentence(host: Host) -> None:
    hold = {
        "name": "Hold", "ansible.builtin.include_role": {"name": "schedules", "tasks_from": "hold"},
        "vars": {"schedules_sources": [OTHER]},
    }  # fmt: skip
    with run_lock(host.state(OTHER), OTHER, "working"):
        done = Play(host).run(hold)
    assert done.returncode != 0
    assert f"{slug(OTHER)} still runs after 5 s" in " ".join(done.stdout.split())
    assert host.active() == {slug(FIRST), slug(OTHER)}
