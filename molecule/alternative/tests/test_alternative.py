"""Every setting of the inventory is found on the host, and nothing of the defaults."""

from __future__ import annotations

import json


def published(host) -> set[str]:
    return {line.split()[3] for line in host.check_output("ss --listening --tcp --numeric --no-header").splitlines()}


def test_names_paths_and_ports_are_those_of_the_inventory(host):
    running = host.check_output("docker ps --format '{{.Names}}'").splitlines()
    assert set(running) == {"warehouse", "tickets-api-sandbox"}
    assert {"127.0.0.1:28123", "127.0.0.1:28090"} <= published(host)
    assert host.file("/srv/tickets/qtickets_api.env").exists
    assert "tickets-inside" in host.check_output("docker network ls --format '{{.Name}}'").splitlines()


def test_nothing_of_the_defaults_is_left(host):
    assert not host.file("/opt/zakaz").exists
    assert not {"127.0.0.1:8123", "127.0.0.1:8090"} & published(host)
    assert host.run("systemctl list-unit-files 'zakaz-*' --no-legend").stdout == ""


def test_schedules_are_those_of_the_inventory(host):
    assert "OnCalendar=*:05/20" in host.check_output("systemctl cat tickets-qtickets-api.timer")
    assert "OnCalendar=*-*-* 06:15:00" in host.check_output("systemctl cat tickets-vk-ads.timer")
    for loader in ("qtickets-api", "vk-ads"):
        assert host.service(f"tickets-{loader}.timer").is_running
        assert host.run("systemctl start tickets-%s.service", loader).rc == 0


def test_engine_is_the_one_of_the_inventory_with_its_memory(host, secrets):
    container = json.loads(host.check_output("docker inspect warehouse"))[0]
    assert container["HostConfig"]["Memory"] == 1024**3
    script = (
        "import base64, sys, urllib.request as r; q = r.Request('http://127.0.0.1:28123/?query=SELECT+version()');"
        "q.add_header('X-ClickHouse-User', 'bi_reader'); q.add_header('X-ClickHouse-Key', sys.argv[1]);"
        "print(r.urlopen(q).read().decode())"
    )
    version = host.check_output("python3 -c %s %s", script, secrets("clickhouse_bi_reader"))
    assert version.startswith("26.9.")


def test_host_built_no_base_of_its_own(host):
    assert not host.package("mmdebstrap").is_installed
