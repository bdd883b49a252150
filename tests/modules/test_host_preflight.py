"""What the preflight says about hosts that cannot carry the deployment."""

from __future__ import annotations

import os
import socket

import host_preflight as preflight
import pytest

SUPPORTED = {"debian": ["12", "13"]}


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {
            "address": "127.0.0.1",
            "port": server.getsockname()[1],
            "container": "zakaz-clickhouse",
            "variable": "clickhouse_http_port",
            "address_variable": "clickhouse_publish_address",
        }


@pytest.mark.parametrize("release", [{"ID": "debian", "VERSION_ID": "12"}, {"ID": "debian", "VERSION_ID": "13"}])
def test_supported_system_passes(release):
    assert preflight.os_problem(release, SUPPORTED) is None


@pytest.mark.parametrize("release", [{}, {"ID": "debian", "VERSION_ID": "10"}, {"ID": "alpine", "VERSION_ID": "3.20"}])
def test_unsupported_system_is_named_with_the_way_out(release):
    problem = preflight.os_problem(release, SUPPORTED)
    assert release.get("ID", "unknown") in problem
    assert "debian 12/13" in problem
    assert "preflight_allow_unsupported_os" in problem


def test_free_port_passes(listener):
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = {**listener, "port": server.getsockname()[1]}
    assert preflight.port_problem(free, []) is None


def test_port_held_by_a_process_names_it_and_the_variable(listener):
    problem = preflight.port_problem(listener, [])
    assert f"(pid {os.getpid()})" in problem
    assert "clickhouse_http_port" in problem


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "not an address"])
def test_address_that_is_not_this_hosts_is_refused(listener, address):
    problem = preflight.port_problem({**listener, "address": address}, [])
    assert f"{address} is no address of this host" in problem
    assert "clickhouse_publish_address" in problem


def test_port_held_by_our_container_passes(listener):
    ours = {"Names": ["/zakaz-clickhouse"], "Ports": [{"PublicPort": listener["port"]}]}
    assert preflight.port_problem(listener, [ours]) is None


def test_the_same_port_of_another_deployment_on_another_address_is_no_conflict(listener):
    ports = [{"PublicPort": listener["port"]}]
    other = {"Names": ["/second-clickhouse"], "Ports": ports}
    ours = {"Names": ["/zakaz-clickhouse"], "Ports": ports}
    assert preflight.port_problem(listener, [other, ours]) is None


def test_port_held_by_another_container_names_it(listener):
    other = {"Names": ["/grafana"], "Ports": [{"PublicPort": listener["port"]}]}
    assert "the container grafana" in preflight.port_problem(listener, [other])


def test_disk_is_judged_in_gb():
    assert preflight.disk_problem("/", 3_000_000_000, 3) is None
    problem = preflight.disk_problem("/var", 2_999_000_000, 3)
    assert "/var has 3.0 GB free" in problem
    assert "preflight_min_free_disk_gb" in problem


def test_memory_is_judged_in_mb():
    assert preflight.memory_problem(1_500_000_000, 1500) is None
    assert "preflight_min_memory_mb" in preflight.memory_problem(1_000_000_000, 1500)


def test_root_may_deploy_and_so_may_a_user_whose_engine_answers(tmp_path):
    assert preflight.privilege_problem(0, False, True, str(tmp_path)) is None
    assert preflight.privilege_problem(1000, True, False, str(tmp_path / "new")) is None


def test_user_without_an_engine_is_told_to_become_root(tmp_path):
    assert "sudo make deploy" in preflight.privilege_problem(1000, False, False, str(tmp_path))


def test_user_cannot_install_units(tmp_path):
    assert "ansible_become" in preflight.privilege_problem(1000, True, True, str(tmp_path))


def test_nobody_answers_on_a_missing_socket(tmp_path):
    assert preflight.docker_get(str(tmp_path / "docker.sock"), "/info") is None


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_ports_of_both_families_are_two(listener, address):
    """Docker publishes on one address alone: the same number on the other family is no conflict."""
    six = {**listener, "address": address}
    assert preflight.port_problem(six, []) is None
    assert preflight.port_problem({**listener, "address": "::"}, []) is None
    with socket.create_server(("::1", listener["port"]), family=socket.AF_INET6):
        assert f"is taken by {preflight.port_holder(listener['port'])}" in preflight.port_problem(six, [])


def test_a_host_without_ipv6_says_that_the_address_is_not_its_own(listener, monkeypatch):
    def refused(family: int) -> socket.socket:
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(preflight.socket, "socket", refused)
    problem = preflight.port_problem({**listener, "address": "::1"}, [])
    assert "::1 is no address of this host (Address family not supported by protocol)" in problem


def port(number, address="127.0.0.1", variable="clickhouse_http_port"):
    return {"address": address, "port": number, "container": "x", "variable": variable, "address_variable": "a"}


@pytest.mark.parametrize("number", [0, -1, 65536, 70000, "abc", "", "8123/tcp", 80.5, None, True, "\u0661"])
def test_a_number_that_is_no_port_is_named(number):
    (sentence,) = preflight.wrong_ports([port(number)])
    assert f"clickhouse_http_port={number} is no port" in sentence


@pytest.mark.parametrize("number", [1, 8123, 65535, "8123"])
def test_a_port_may_be_text(number):
    assert preflight.wrong_ports([port(number)]) == []


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("[::1]", "[::]", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "[::1]", False),
        ("0.0.0.0", "[::1]", False),
        ("0.0.0.0", "[::]", False),
    ],
)
def test_two_of_ours_on_one_port_are_both_named(one, other, clash):
    ports = [port(8123, one), port("8123", other, "api_sandbox_port")]
    assert [("clickhouse_http_port and api_sandbox_port" in words) for words in preflight.wrong_ports(ports)] == [
        True
    ] * clash
    ports[1]["port"] = 8124
    assert preflight.wrong_ports(ports) == []
