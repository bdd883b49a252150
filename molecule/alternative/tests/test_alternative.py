"""Every setting of the inventory is found on the host, and nothing of the defaults."""

from __future__ import annotations

import json

from sources import ADVERTISING, ENABLED, unit_of


def published(host) -> set[str]:
    return {line.split()[3] for line in host.check_output("ss --listening --tcp --numeric --no-header").splitlines()}


def address(host) -> str:
    return host.check_output("hostname --ip-address").split()[0]


def ask(host, secret: str, query: str) -> str:
    script = (
        "import sys, urllib.request as r; q = r.Request(sys.argv[1], data=sys.argv[2].encode());"
        "q.add_header('X-ClickHouse-User', 'bi_reader'); q.add_header('X-ClickHouse-Key', sys.argv[3]);"
        "print(r.urlopen(q).read().decode())"
    )
    return host.check_output("python3 -c %s %s %s %s", script, f"http://{address(host)}:28123/", query, secret).strip()


def test_names_paths_and_ports_are_those_of_the_inventory(host):
    running = host.check_output("docker ps --format '{{.Names}}'").splitlines()
    assert set(running) == {"warehouse", "tickets-api-sandbox", "tickets-tls-proxy", "visitors-api-sandbox"}
    assert {f"{address(host)}:28123", "127.0.0.1:28090", "0.0.0.0:28443"} <= published(host)
    for source in ENABLED:
        assert "LOADER_LOG_LEVEL=warning\n" in host.file(f"/srv/tickets/{source}.env").content_string
    assert "tickets-inside" in host.check_output("docker network ls --format '{{.Name}}'").splitlines()


def test_nothing_of_the_defaults_is_left(host):
    assert not host.file("/opt/zakaz").exists
    assert not {"127.0.0.1:8123", "127.0.0.1:8090"} & published(host)
    assert host.run("systemctl list-unit-files 'zakaz-*' --no-legend").stdout == ""


def test_schedules_are_those_of_the_inventory(host):
    for source in ENABLED:
        unit = unit_of(source, "tickets")
        assert "OnCalendar=*-*-* 06:15:00" in host.check_output("systemctl cat %s.timer", unit)
        assert host.service(f"{unit}.timer").is_running
        assert host.run("systemctl start %s.service", unit).rc == 0
        assert "OnCalendar=*-*-* 07:15:00" in host.check_output("systemctl cat %s.timer", unit_of(source, "visitors"))


def test_engine_is_the_one_of_the_inventory_with_its_memory(host, secrets):
    container = json.loads(host.check_output("docker inspect warehouse"))[0]
    assert container["HostConfig"]["Memory"] == 1024**3
    assert ask(host, secrets("clickhouse_bi_reader"), "SELECT version()").startswith("26.9.")


def test_host_built_no_base_of_its_own(host):
    assert not host.package("mmdebstrap").is_installed


def test_bi_asks_over_tls(host, secrets):
    authority = "/srv/tickets/tls_proxy/state/pki/authorities/local/root.crt"
    script = (
        "import socket, ssl, sys, base64; c = ssl.create_default_context(cafile=sys.argv[1]);"
        "s = c.wrap_socket(socket.create_connection(('127.0.0.1', 28443)), server_hostname='bi.example.org');"
        "t = base64.b64encode(('bi_reader:' + sys.argv[2]).encode()).decode();"
        "h = ['GET /?query=SELECT+6*7 HTTP/1.0', 'Host: bi.example.org', 'Authorization: Basic ' + t, '', ''];"
        "s.sendall('\\r\\n'.join(h).encode());"
        "print(b''.join(iter(lambda: s.recv(4096), b'')).decode())"
    )
    answer = host.check_output("python3 -c %s %s %s", script, authority, secrets("clickhouse_bi_reader"))
    assert answer.startswith(("HTTP/1.0 200", "HTTP/1.1 200"))
    assert answer.split()[-1] == "42"


def test_other_deployment_loads_into_the_external_clickhouse(host, secrets):
    """It runs no ClickHouse and schedules no backups; its loaders' runs are in the warehouse it was given."""
    environment = host.file(f"/srv/visitors/{ADVERTISING}.env").content_string
    assert f"CLICKHOUSE_HOST={address(host)}\nCLICKHOUSE_PASSWORD=" in environment
    assert not host.file("/srv/visitors/clickhouse").exists
    assert not host.file("/etc/systemd/system/visitors-backup.timer").exists
    runs = f"SELECT max(last_success_at) FROM bi.v_ops_freshness WHERE loader = '{ADVERTISING}'"
    before = ask(host, secrets("clickhouse_bi_reader"), runs)
    host.check_output("sleep 1; systemctl start %s.service", unit_of(ADVERTISING, "visitors"))
    assert ask(host, secrets("clickhouse_bi_reader"), runs) > before
