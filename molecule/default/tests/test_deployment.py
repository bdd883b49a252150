"""What a deployed host looks like, by other eyes than the roles' own."""

from __future__ import annotations

import json

import pytest

CONTAINERS = ("zakaz-clickhouse", "zakaz-api-sandbox")


def inspect(host, container):
    return json.loads(host.check_output("docker inspect %s", container))[0]


@pytest.mark.parametrize("container", CONTAINERS)
def test_container_is_healthy(host, container):
    state = inspect(host, container)["State"]
    assert state["Health"]["Status"] == "healthy", host.run("docker logs --tail 30 %s", container).stdout


@pytest.mark.parametrize("container", CONTAINERS)
def test_container_has_no_more_rights_than_it_needs(host, container):
    config = inspect(host, container)
    assert config["HostConfig"]["ReadonlyRootfs"]
    assert config["HostConfig"]["CapDrop"] == ["ALL"]
    assert not config["HostConfig"]["Privileged"]
    assert "no-new-privileges:true" in config["HostConfig"]["SecurityOpt"]
    assert config["HostConfig"]["Memory"] > 0
    uid = host.check_output("docker exec %s id -u", container)
    assert uid not in ("", "0")


def test_only_the_loopback_is_published(host):
    listening = host.check_output("ss --listening --tcp --numeric --no-header").splitlines()
    published = {line.split()[3] for line in listening if ":8123" in line or ":8090" in line}
    assert published == {"127.0.0.1:8123", "127.0.0.1:8090"}


def test_loader_is_scheduled(host, loader):
    timer = host.service(f"{loader}.timer")
    assert timer.is_enabled
    assert timer.is_running, host.run("journalctl --unit %s.timer --lines 20", loader).stdout


def test_scheduled_run_succeeds(host, loader):
    run = host.run("systemctl start %s.service", loader)
    journal = host.run("journalctl --unit %s.service --lines 40 --output cat", loader).stdout
    assert run.rc == 0, journal
    assert '"run_finished"' in journal


def test_settings_of_a_loader_are_for_root_alone(host, source):
    file = host.file(f"/opt/zakaz/{source}.env")
    assert (file.user, file.mode) == ("root", 0o600)
    assert host.file("/opt/zakaz").mode == 0o700


def test_each_secret_is_only_where_it_is_used(host, secret_names, secrets):
    assert len(secret_names) >= 4
    places = {
        "the processes": host.check_output("ps -eo args"),
        "the images": host.check_output("docker history --no-trunc $(docker images --quiet) 2>&1 || true"),
        "the containers": json.dumps([inspect(host, container) for container in CONTAINERS]),
        "the logs of the containers": "".join(host.run("docker logs %s 2>&1", name).stdout for name in CONTAINERS),
        "the journal": host.check_output("journalctl --no-pager --output cat"),
        "the units": host.check_output("systemctl cat 'zakaz-*'"),
    }
    for place, text in places.items():
        assert text, place
        for name in secret_names:
            assert secrets(name) not in text, f"{name} is in {place}"


def test_loader_runs_with_no_more_rights_than_it_needs(host, loader):
    command = host.file(f"/opt/zakaz/{loader}").content_string
    for option in ("--read-only", "--cap-drop ALL", "no-new-privileges:true", "--user 10001:10001", "--pull never"):
        assert option in command


def test_default_user_of_clickhouse_is_locked_out(host):
    answer = host.run("python3 -c %s", "import urllib.request as r; r.urlopen('http://127.0.0.1:8123/?query=SELECT+1')")
    assert answer.rc != 0
    assert "HTTP Error 40" in answer.stderr
