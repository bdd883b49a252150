"""What the status, the watch and the preflight see of a host."""

from __future__ import annotations

import json
import os

import pytest
from zakaz_host import disks, docker, units
from zakaz_host.look import look as look_at_host

from tests.docker_engine import DockerEngine, container
from tests.modules.run_module import run_module


@pytest.fixture
def engine(tmp_path):
    engine = DockerEngine(tmp_path / "docker.sock", root="/proc")
    yield engine
    engine.stop()


def look(tmp_path, **more):
    wanted = {"deployment": "zakaz", "docker_host": f"unix://{tmp_path}/docker.sock"}
    answer = run_module("host_state", check=True, **{**wanted, **more})
    assert answer["changed"] is False
    return answer["host"]


def test_each_disk_is_measured_once_under_its_mount_point(engine, tmp_path):
    (tmp_path / "a").mkdir()
    seen = look(tmp_path, folders=[str(tmp_path), str(tmp_path / "a"), str(tmp_path / "gone"), "/proc/self"])
    assert [disk["mount"] for disk in seen["disks"]] == ["/proc", str(disks.mount_point(tmp_path))]
    assert seen["disks"][1]["paths"] == [str(tmp_path), str(tmp_path / "a")]
    told = {path: sentence for path, sentence in seen["folders"].items() if sentence}
    assert told == {str(tmp_path / "gone"): f"{tmp_path}/gone is not there"}
    assert next(iter(seen["folders"])) == "/proc"
    room = os.statvfs(tmp_path)
    assert abs(seen["disks"][1]["size"] - room.f_blocks * room.f_frsize) < 1e6
    assert seen["memory"] > 1e6
    assert seen["docker"] == {"error": "", "version": "20.10.24"}


def test_folder_behind_a_link_lies_where_the_link_leads(tmp_path):
    (tmp_path / "link").symlink_to("/proc")
    measured, _ = disks.look([str(tmp_path / "link")])
    assert [disk["mount"] for disk in measured] == ["/proc"]


def test_folder_below_a_file_is_not_there(tmp_path):
    (tmp_path / "file").touch()
    assert disks.look([str(tmp_path / "file" / "x")]) == ([], {f"{tmp_path}/file/x": f"{tmp_path}/file/x is not there"})


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ('{"data-root": "/srv/docker"}', "/srv/docker"),
        ("{}", "/var/lib/docker"),
        ("[]", "/var/lib/docker"),
        ("{", "/var/lib/docker"),
        ('{"data-root": 7}', "/var/lib/docker"),
        (None, "/var/lib/docker"),
    ],
)
def test_where_an_engine_that_does_not_run_will_keep_its_data(tmp_path, text, root):
    if text is not None:
        (tmp_path / "daemon.json").write_text(text)
    assert disks.future_docker_root(tmp_path / "daemon.json") == root


def test_docker_that_does_not_answer_is_said_with_the_reason(tmp_path):
    seen = look(tmp_path, folders=[str(tmp_path)], containers=["zakaz-clickhouse"])
    assert seen["docker"]["error"] == f"unix://{tmp_path}/docker.sock: No such file or directory"
    assert seen["containers"] is None


@pytest.mark.parametrize(("root", "mounts"), [("/proc", ["/proc"]), ("/no/such/docker", [])])
def test_disk_of_a_silent_docker_is_looked_at_where_its_configuration_says(tmp_path, monkeypatch, root, mounts):
    """A full disk is a common reason for its silence; a folder that was never made is none."""
    monkeypatch.setattr(disks, "future_docker_root", lambda: root)
    seen = look_at_host(
        deployment="zakaz", docker_host="unix:///no/such.sock", folders=[], services={}, timers=[], containers=[],
        files=[], notes={},
    )  # fmt: skip
    assert [disk["mount"] for disk in seen["disks"]] == mounts
    assert not any(seen["folders"].values())


def test_docker_may_listen_on_a_port(tmp_path):
    with pytest.raises(docker.EngineSilent, match=r"tcp://127.0.0.1:1: Connection refused"):
        docker.ask("tcp://127.0.0.1:1", "/info")


def test_what_answers_must_be_a_docker_engine(engine, tmp_path):
    engine.info = "no dictionary"
    assert "is no Docker Engine" in look(tmp_path)["docker"]["error"]


def test_containers_that_do_not_serve_are_named(engine, tmp_path):
    engine.containers = [
        container("one"),
        container("two", "running", "Up 3 seconds"),
        container("three", "restarting", "Restarting (78) 4 seconds ago"),
        container("four", "running", "Up 2 hours (unhealthy)"),
        container("five", "running", "Up 2 seconds (health: starting)"),
    ]
    seen = look(tmp_path, containers=["one", "two", "three", "four", "five", "six"])
    assert seen["containers"] == {
        "three": "it does not run (Restarting (78) 4 seconds ago)",
        "four": "it runs and is not well (Up 2 hours (unhealthy))",
        "six": "there is no such container",
    }


def test_what_holds_the_loaders_is_seen(engine, tmp_path):
    holder = container("zakaz-vk-ads-hold") | {"Labels": {"zakaz.hold": "a restore"}, "Created": 1764000000}
    engine.containers = [container("zakaz-clickhouse") | {"Labels": {"zakaz.deployment": "zakaz"}}, holder]
    assert look(tmp_path)["held"] == {"zakaz-vk-ads-hold": {"for": "a restore", "since": 1764000000}}


def test_files_that_are_missing_are_named(engine, tmp_path):
    assert look(tmp_path, files=[str(tmp_path), "/no/such.env"])["files"] == ["/no/such.env"]


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """A systemctl that shows units as they are told."""
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "systemctl"
    fake.write_text(f"#!/bin/sh\ncat {tmp_path}/shown\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")

    def show(**shown):
        blocks = []
        for name, kind in (("zakaz-ad-network", "service"), ("zakaz-ad-network", "timer")):
            lines = {"Id": f"{name}.{kind}", "LoadState": "loaded", **shown.get(kind, {})}
            blocks.append("".join(f"{key}={value}\n" for key, value in lines.items()))
        (tmp_path / "shown").write_text("\n".join(blocks))
        note = tmp_path / "ad_network.ended.json"
        return look(
            tmp_path,
            services={"ad_network": "zakaz-ad-network"},
            timers=["zakaz-ad-network"],
            notes={"ad_network": str(note)},
        )

    return show


FAILED = {
    "Result": "exit-code",
    "ExecMainStatus": "78",
    "ActiveState": "failed",
    "ExecMainStartTimestamp": "@1000",
    "ExecMainExitTimestamp": "@1010",
    "InactiveEnterTimestamp": "@1010",
}


@pytest.mark.parametrize(
    ("shown", "means"),
    [
        ({}, "exit code 78: a setting or a credential is wrong"),
        ({"ExecMainStatus": "125"}, "exit code 125: Docker refused to start it"),
        ({"ExecMainStatus": "137"}, "exit code 137: it was killed, perhaps for want of memory"),
        ({"ExecMainStatus": "203"}, "exit code 203: systemd could not run its command"),
        ({"ExecMainStatus": "42"}, "exit code 42"),
        ({"ExecMainStatus": "75"}, "exit code 75"),
        ({"Result": "oom-kill", "ExecMainStatus": "9"}, "oom-kill: the host ran out of memory"),
        ({"Result": "signal", "ExecMainStatus": "9"}, "signal 9: it was ended by a signal"),
        ({"Result": "timeout", "ExecMainStatus": "15"}, "timeout: it ran longer than it may and was ended"),
        ({"Result": "start-limit-hit"}, "start-limit-hit: it was started too often"),
    ],
)
def test_how_a_unit_ended_is_said_in_words(systemd, engine, shown, means):
    end = systemd(service=FAILED | shown)["services"]["ad_network"]["end"]
    assert end == {"started": 1000, "at": 1010, "failed": True, "means": means}


def test_unit_that_could_not_even_be_started_failed_when_it_was_tried(systemd, engine):
    end = systemd(service=FAILED | {"Result": "resources", "InactiveEnterTimestamp": "@5000"})["services"][
        "ad_network"
    ]["end"]
    assert end["at"] == 5000


@pytest.mark.parametrize(
    "shown",
    [
        {"Result": "success", "ExecMainStatus": "0"},
        {"Result": "success", "ExecMainStatus": "75", **{"ActiveState": "inactive"}},
    ],
    ids=["never ran", "lock was held"],
)
def test_unit_that_says_nothing(systemd, engine, shown):
    times = {"ExecMainExitTimestamp": "@1010"} if shown["ExecMainStatus"] == "75" else {}
    assert systemd(service=shown | times)["services"]["ad_network"]["end"] is None


@pytest.mark.parametrize(
    ("note", "failed"),
    [
        ({"started": 2000, "ended": 2010, "exit_code": 0}, False),
        ({"started": 2000, "ended": 2010, "exit_code": 125}, True),
        ({"started": 1000, "ended": 1009, "exit_code": 0}, True),
        ({"started": 1}, True),
        ("{", True),
    ],
)
def test_the_later_of_what_systemd_and_the_command_note_counts(systemd, engine, tmp_path, note, failed):
    (tmp_path / "ad_network.ended.json").write_text(note if isinstance(note, str) else json.dumps(note))
    end = systemd(service=FAILED)["services"]["ad_network"]["end"]
    assert end["failed"] is failed


def test_of_one_run_systemd_knows_more_than_the_command(systemd, engine, tmp_path):
    (tmp_path / "ad_network.ended.json").write_text(json.dumps({"started": 1000, "ended": 1011, "exit_code": 143}))
    end = systemd(service=FAILED | {"Result": "timeout", "ExecMainStatus": "15"})["services"]["ad_network"]["end"]
    assert end["means"] == "timeout: it ran longer than it may and was ended"


def test_without_systemd_the_note_is_all_there_is(engine, tmp_path):
    note = tmp_path / "ad_network.ended.json"
    assert look(tmp_path, notes={"ad_network": str(note)})["services"] == {"ad_network": {"missing": "", "end": None}}
    note.write_text(json.dumps({"started": 5, "ended": 9, "exit_code": 78}))
    end = look(tmp_path, notes={"ad_network": str(note)})["services"]["ad_network"]["end"]
    assert end == {"started": 5, "at": 9, "failed": True, "means": "exit code 78: a setting or a credential is wrong"}


TIMER = {"ActiveState": "active", "SubState": "waiting", "UnitFileState": "enabled", "NextElapseUSecRealtime": "@99"}


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        ({}, ""),
        ({"SubState": "running"}, ""),
        ({"LoadState": "not-found"}, "there is no such unit"),
        ({"LoadState": "masked"}, "it is masked, so nothing starts it"),
        ({"LoadState": "bad-setting"}, "its file is damaged"),
        ({"ActiveState": "inactive"}, "it is inactive"),
        ({"UnitFileState": "disabled"}, "it is disabled, so the next start of the host ends it"),
        ({"SubState": "elapsed"}, "it will never elapse again"),
    ],
)
def test_timer_that_starts_nothing_is_told(systemd, engine, shown, problem):
    assert systemd(timer=TIMER | shown)["timers"]["zakaz-ad-network"] == {"problem": problem, "next": "@99"}


@pytest.mark.parametrize("state", ["not-found", "masked", "error"])
def test_service_that_is_missing_is_told(systemd, engine, state):
    assert systemd(service={"LoadState": state})["services"]["ad_network"]["missing"]


def test_unit_whose_file_was_deleted_is_told_before_the_next_start(systemd, engine, tmp_path):
    file = tmp_path / "zakaz-ad-network.service"
    shown = {"service": {"FragmentPath": str(file)}, "timer": TIMER | {"FragmentPath": str(file)}}
    seen = systemd(**shown)
    assert "its file is gone" in seen["services"]["ad_network"]["missing"]
    assert "its file is gone" in seen["timers"]["zakaz-ad-network"]["problem"]
    file.touch()
    seen = systemd(**shown)
    assert (seen["services"]["ad_network"]["missing"], seen["timers"]["zakaz-ad-network"]["problem"]) == ("", "")


@pytest.mark.parametrize("fake", ["exit 1", None], ids=["systemctl fails", "no systemctl"])
def test_systemd_that_says_nothing_of_units_is_no_health(engine, tmp_path, monkeypatch, fake):
    (tmp_path / "bin").mkdir()
    if fake:
        (tmp_path / "bin" / "systemctl").write_text(f"#!/bin/sh\n{fake}\n")
        (tmp_path / "bin" / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    seen = look_at_host(
        deployment="zakaz", docker_host=f"unix://{tmp_path}/docker.sock", folders=[], containers=[], files=[],
        services={"ad_network": "zakaz-ad-network"}, timers=["zakaz-ad-network"],
        notes={"ticket_shop": str(tmp_path / "none")},
    )  # fmt: skip
    assert seen["services"]["ad_network"] == {"missing": "systemd tells nothing of it", "end": None}
    assert seen["services"]["ticket_shop"] == {"missing": "", "end": None}


def test_older_systemd_without_timestamps_as_numbers_is_asked_all_the_same(systemd, engine, tmp_path):
    fake = tmp_path / "bin" / "systemctl"
    fake.write_text(f"#!/bin/sh\ncase $* in *--timestamp*) exit 1;; esac\ncat {tmp_path}/shown\n")
    seen = systemd(service=FAILED | {"ExecMainExitTimestamp": "Sat 2026-11-28 09:00:00 UTC"}, timer=TIMER)
    assert seen["services"]["ad_network"]["end"]["failed"]
    assert seen["timers"]["zakaz-ad-network"]["problem"] == ""


def test_no_systemd_is_no_trouble(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert units.ask(["zakaz-ad-network.service"]) == {}
    assert units.moment("n/a") == 0
    assert units.moment("@5") == 5


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [("@1795000000", 1795000000), ("Sat 2026-11-28 09:44:56 UTC", 1795859096), ("n/a", 0), ("", 0), ("0", 0)],
)
def test_times_are_read_as_systemd_shows_them(shown, seconds):
    assert units.moment(shown) == seconds
