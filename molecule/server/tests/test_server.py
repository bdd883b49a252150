"""What the role makes of a real clickhouse-server daemon: its configuration, users, limits and logs."""

from __future__ import annotations

import json
import re

import pytest

CONTAINER = "zakaz-clickhouse"
PING = """bash -c 'exec 3<>/dev/tcp/127.0.0.1/8123'"""
# 516 since 2020; before, one code each: unknown user, wrong password, no password, wrong address
REFUSED = re.compile(r"Code: (516|19[2-5])\b")


class Server:
    """The server's HTTP interface, asked from the host it is published on."""

    def __init__(self, host, secrets):
        self.host = host
        self.secrets = secrets

    def ask(self, query: str, user: str = "admin", password: str | None = None) -> tuple[int, str]:
        """Ask and return the HTTP status and the body."""
        script = (
            "import json,sys,urllib.request as r,urllib.error as e\n"
            "q=r.Request('http://127.0.0.1:8123/',data=sys.argv[1].encode(),"
            "headers={'X-ClickHouse-User':sys.argv[2],'X-ClickHouse-Key':sys.argv[3]})\n"
            "try:\n a=r.urlopen(q,timeout=60)\nexcept e.HTTPError as x:\n a=x\n"
            "print(json.dumps([a.status,a.read().decode()]))"
        )
        secret = self.secrets(f"clickhouse_{user}") if password is None else password
        return tuple(json.loads(self.host.check_output("python3 -c %s %s %s %s", script, query, user, secret)))

    def value(self, query: str) -> str:
        """Ask as admin and return the one value."""
        status, body = self.ask(query)
        assert status == 200, body
        return body.strip()

    @property
    def is_old(self) -> bool:
        """Whether this is Debian's server of 2018 and not the release of production."""
        return int(self.value("SELECT version()").split(".")[0]) < 20


@pytest.fixture
def server(host, secrets):
    return Server(host, secrets)


@pytest.fixture
def container(host):
    return json.loads(host.check_output("docker inspect %s", CONTAINER))[0]


def test_it_is_a_daemon_and_no_embedded_engine(host, container):
    assert container["State"]["Health"]["Status"] == "healthy"
    assert "clickhouse-server" in host.check_output("docker top %s", CONTAINER)


def test_configuration_of_the_role_lies_over_that_of_the_package(server):
    assert server.value("SELECT timezone()") == "Europe/Moscow"


def test_logs_go_to_the_engine_and_rotate(host, container):
    assert container["HostConfig"]["LogConfig"]["Config"] == {"max-size": "20m", "max-file": "5"}
    assert host.run("docker logs --tail 5 %s", CONTAINER).stderr
    assert host.run("docker exec %s ls /var/log/clickhouse-server", CONTAINER).stdout == ""


@pytest.mark.parametrize(
    ("user", "password"), [("admin", "wrong"), ("admin", ""), ("bi_reader", "wrong"), ("nobody", "x")]
)
def test_wrong_password_is_refused(server, user, password):
    status, body = server.ask("SELECT 1", user, password)
    assert status in (401, 403, 500)  # old servers answer 500
    assert REFUSED.search(body)


def test_default_user_is_refused_from_outside_its_container(server):
    status, body = server.ask("SELECT 1", "default", "")
    assert status != 200
    assert REFUSED.search(body)


def test_reader_reads_and_cannot_write(server):
    assert server.ask("SELECT 1", "bi_reader")[0] == 200
    for statement in ("CREATE TABLE default.x (a UInt8) ENGINE = Log", "DROP DATABASE default", "SET readonly = 0"):
        status, body = server.ask(statement, "bi_reader")
        assert status != 200
        assert "Code: 164" in body or "Code: 497" in body


def test_query_beyond_its_memory_costs_no_more_than_itself(host, server, container):
    assert container["HostConfig"]["Memory"] == 2 * 1024**3
    query = "SELECT groupArray(number) FROM numbers(400000000)"
    if server.is_old:
        # it counts little of what it allocates: the container's limit kills it, and the engine starts it again
        with pytest.raises(AssertionError):
            server.ask(query)
    else:
        assert "Code: 241" in server.ask(query)[1]
    host.run_expect([0], "timeout 60 sh -c %s", f"until docker exec {CONTAINER} {PING}; do sleep 1; done")
    assert server.value("SELECT 1") == "1"


def test_container_has_no_more_rights_than_it_needs(host, container):
    assert container["HostConfig"]["ReadonlyRootfs"]
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert host.check_output("docker exec %s id -u", CONTAINER) == "101"


def test_system_logs_are_kept_for_a_limited_time(server):
    if server.is_old:
        pytest.skip("this server is older than the TTL of system logs")
    server.value("SYSTEM FLUSH LOGS")
    assert "TTL event_date" in server.value("SHOW CREATE TABLE system.query_log")
