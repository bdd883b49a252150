"""The image under the contract of the server's: EMBEDDED_IMAGE names it; without that there is nothing to test."""

from __future__ import annotations

import os
import subprocess
import time
import uuid

import pytest
import urllib3
from running_server import PASSWORD, USERS

IMAGE = os.environ.get("EMBEDDED_IMAGE")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not IMAGE, reason="EMBEDDED_IMAGE is not set")]


def docker(*arguments: str, script: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run(
        ["docker", *arguments], input=script, capture_output=True, text=True, timeout=120, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture
def container(tmp_path):
    tmp_path.chmod(0o755)
    for name, text in (("config.d/10.xml", "<clickhouse/>"), ("users.d/10.xml", USERS)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    name = f"embedded-{uuid.uuid4().hex[:8]}"
    docker(
        "run", "-d", "--name", name, "--user", "101:101", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "-e", "CLICKHOUSE_SKIP_USER_SETUP=1", "-p", "127.0.0.1::8123",
        "-v", f"{name}:/var/lib/clickhouse", "-v", f"{name}-backups:/backups",
        "-v", f"{tmp_path}/config.d:/etc/clickhouse-server/config.d:ro",
        "-v", f"{tmp_path}/users.d:/etc/clickhouse-server/users.d:ro", IMAGE,
    )  # fmt: skip
    yield name
    docker("rm", "-f", name)
    docker("volume", "rm", name, f"{name}-backups")


def ask(name: str, sql: str) -> str:
    port = docker("port", name, "8123").stdout.strip().rsplit(":", 1)[1]
    headers = {"X-ClickHouse-User": "admin", "X-ClickHouse-Key": PASSWORD}
    for _ in range(100):
        try:
            reply = urllib3.request("POST", f"http://127.0.0.1:{port}/", body=sql, headers=headers, retries=False)
            break
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
    assert reply.status == 200, reply.data
    return reply.data.decode().rstrip("\n")


def test_the_container_contract(container):
    ask(container, "CREATE TABLE t ENGINE = MergeTree ORDER BY a AS SELECT 7 AS a")
    assert ask(container, "BACKUP TABLE t TO File('one')").endswith("BACKUP_CREATED")
    client = ("exec", container, "clickhouse", "client", "--user", "admin", "--password", PASSWORD)
    assert docker(*client, "-q", "SELECT a FROM t").stdout == "7\n"
    docker("stop", "-t", "15", container)
    assert docker("inspect", "-f", "{{.State.ExitCode}}", container).stdout.strip() == "0"
    docker("start", container)
    assert ask(container, "SELECT a FROM t") == "7"
    docker("kill", container)
    docker("start", container)
    assert ask(container, "SELECT a FROM t") == "7"


def test_local_in_a_throw_away_container():
    run = ("run", "--rm", "-i", "--network", "none", "--read-only", "--tmpfs", "/tmp")
    script = "CREATE DATABASE d; CREATE TABLE d.t (a UInt8) ENGINE = MergeTree ORDER BY a;"
    script += "SELECT name FROM system.tables WHERE database = 'd'"
    for command in (
        (IMAGE, "local"),
        ("--entrypoint", "clickhouse", IMAGE, "local"),
        ("--entrypoint", "clickhouse-local", IMAGE),
    ):
        done = docker(*run, *command, "--multiquery", script=script)
        assert (done.stdout, done.stderr) == ("t\n", "")
    failed = docker(*run, IMAGE, "local", "--multiquery", script="SELECT nope", check=False)
    assert failed.returncode == 47
    assert "UNKNOWN_IDENTIFIER" in failed.stderr


def test_size_and_user():
    shown = docker("image", "inspect", "-f", "{{.Size}} {{.Config.User}}", IMAGE).stdout.split()
    assert int(shown[0]) < 900_000_000
    assert shown[1] == "101:101"
