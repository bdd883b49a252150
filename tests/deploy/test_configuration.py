"""A ClickHouse setting that does not work never reaches the server that runs: it answers throughout."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest

from .conftest import NAME, ask, docker, play, rows

pytestmark = pytest.mark.deploy
CONTAINER = f"{NAME}-clickhouse"
# the rest of the deployment has its own tests
CLICKHOUSE_ONLY = ("--tags", "clickhouse")
USERS_WITH_UNKNOWN_PROFILE = json.dumps(
    {
        "clickhouse_users": [
            {"name": "admin", "password": "password", "profile": "nonexistent", "access_management": True, "grants": []}
        ]
    }
)


def what_runs() -> tuple[str, str]:
    """The container's identity and the configuration that it would read at its next start."""
    started = docker("inspect", "--format", "{{ .Id }} {{ .State.StartedAt }}", CONTAINER)
    read = docker(
        "exec", CONTAINER, "sh", "-c", "cd /etc/clickhouse-server && cat config.d/* users.d/* && ls config.d users.d"
    )
    return started, read


@contextlib.contextmanager
def asked_all_the_time():
    """Ask ClickHouse again and again meanwhile; yields what it answered when it did not answer rightly."""
    wrong: list[str] = []
    asked = 0
    enough = threading.Event()

    def go_on() -> None:
        nonlocal asked
        while not enough.wait(0.1):
            try:
                status, body = ask("SELECT count() > 0 FROM bi.v_sales_daily")
                if (status, body.strip()) != (200, "1"):
                    wrong.append(f"{status} {body}")
            except OSError as error:
                wrong.append(str(error))
            asked += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield wrong
    finally:
        enough.set()
        thread.join()
    assert asked > 10


@pytest.mark.parametrize(
    ("setting", "reason", "variable"),
    [
        ('{"clickhouse_server_settings": {"mark_cache_size": "large"}}', "'large'", "clickhouse_server_settings"),
        (USERS_WITH_UNKNOWN_PROFILE, "nonexistent", "clickhouse_users"),
        ("clickhouse_memory=60m", "want of memory", "clickhouse_memory=60m"),
        ("clickhouse_publish_address=192.0.2.1", "no address of this host", "clickhouse_publish_address"),
        ("clickhouse_mark_cache_bytes=large", "int", "clickhouse_mark_cache_bytes"),
    ],
    ids=["wrong type", "unknown profile", "too little memory", "foreign address", "wrong type of a variable"],
)
def test_broken_setting_is_refused_before_the_server_is_touched(deployed, setting, reason, variable):
    before = what_runs()
    with asked_all_the_time() as wrong:
        refused = play("site", setting, flags=CLICKHOUSE_ONLY)
    assert refused.code != 0
    assert refused.counts["changed"] == 0
    assert reason in refused.output
    assert variable in refused.output
    assert "Traceback" not in refused.output
    assert what_runs() == before
    assert wrong == []
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}-proof") == ""


def test_port_that_is_taken_is_refused_before_the_server_is_touched(deployed):
    before = what_runs()
    with socket.create_server(("127.0.0.1", 0)) as server, asked_all_the_time() as wrong:
        refused = play("site", f"clickhouse_http_port={server.getsockname()[1]}", flags=CLICKHOUSE_ONLY)
    assert refused.code != 0
    assert "Stop it, or set clickhouse_http_port to a free port" in refused.output
    assert what_runs() == before
    assert wrong == []


def test_check_mode_tells_that_a_setting_would_be_refused(deployed):
    before = what_runs()
    refused = play(
        "site", '{"clickhouse_server_settings": {"mark_cache_size": "large"}}', flags=(*CLICKHOUSE_ONLY, "--check")
    )
    assert refused.code != 0
    assert "'large'" in refused.output
    assert what_runs() == before


def test_what_the_proof_cannot_know_ends_with_the_old_container_back(deployed):
    """A volume that the engine may not open: an empty one, as in the proof, it could."""
    image = docker("inspect", "--format", "{{ .Config.Image }}", CONTAINER)
    volume = f"{NAME}-not-ours"
    docker("volume", "create", "--label", f"zakaz.deployment={NAME}", volume)
    spoil = ("sh", image, "-c", "touch /data/file && chown 0 /data && chmod 700 /data")
    docker("run", "--rm", "--user", "0", "--network", "none", "--volume", f"{volume}:/data", "--entrypoint", *spoil)
    identity, read = what_runs()
    try:
        refused = play("site", f"clickhouse_volume={volume}", "clickhouse_log_level=debug", flags=CLICKHOUSE_ONLY)
    finally:
        docker("volume", "rm", volume)
    assert refused.code != 0
    assert "cannot be written" in refused.output
    assert "were put back, and answer" in refused.output
    assert what_runs()[0].split()[0] == identity.split()[0]
    assert what_runs()[1] == read
    assert rows("SELECT count() > 0 AS there FROM bi.v_sales_daily")[0]["there"] == 1


def test_working_setting_arrives_and_repeats_without_change(deployed):
    setting = "clickhouse_mark_cache_bytes=123456789"
    assert play("site", setting, flags=CLICKHOUSE_ONLY).code == 0
    (cache,) = rows("SELECT value FROM system.server_settings WHERE name = 'mark_cache_size'", "admin")
    assert cache["value"] == "123456789"
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}-previous") == ""
    assert play("site", setting, flags=CLICKHOUSE_ONLY).counts["changed"] == 0
    assert play("site", flags=CLICKHOUSE_ONLY).code == 0


def test_check_mode_predicts_what_a_lost_container_takes(deployed):
    docker("rm", "--force", CONTAINER)
    check = play("site", flags=("--check",))
    assert check.code == 0
    assert check.counts["changed"] == 1, "the container"
    assert "ClickHouse does not run: a real run would start it" in check.output
    assert play("site", flags=CLICKHOUSE_ONLY).code == 0
