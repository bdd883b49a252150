"""The preflight as plays run it: a Docker Engine that answers on a socket, and every problem in one sentence."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.docker_engine import DockerEngine
from tests.modules.run_module import run_module


class Engine(BaseHTTPRequestHandler):
    """As much of the Engine's API as the module asks for."""

    def address_string(self) -> str:
        return "local"

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        body = json.dumps([{"Names": ["/stranger"], "Ports": [{"PublicPort": self.server.port}]}]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[socketserver.UnixStreamServer]:
    with socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), Engine) as server:
        server.port = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def preflight(tmp_path: Path, **more: object) -> dict:
    wanted = {
        "supported": {},
        "allow_unsupported_os": True,
        "disk_paths": [str(tmp_path / "not" / "made" / "yet")],
        "min_free_disk_gb": 0.000001,
        "min_memory_mb": 1,
        "docker_socket": str(tmp_path / "docker.sock"),
    }
    return run_module("host_preflight", check=True, **{**wanted, **more})


def test_a_host_that_can_carry_it_passes(engine, tmp_path):
    answer = preflight(tmp_path)
    assert not answer.get("failed")
    assert (answer["changed"], answer["docker_answers"], answer["problems"]) == (False, True, [])
    assert answer["container"] is Path("/run/systemd/container").exists()


def test_what_lies_on_the_host_is_told_and_where_links_lead(engine, tmp_path, monkeypatch):
    (tmp_path / "python-1").mkdir()
    (tmp_path / "python-1" / "complete").touch()
    (tmp_path / "python").symlink_to("python-1")
    (tmp_path / "broken").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    complete = str(tmp_path.resolve() / "python-1" / "complete")
    monkeypatch.setenv("FOLDER", str(tmp_path))
    there = [str(tmp_path / "python/complete"), str(tmp_path / "python-1/complete"), "$FOLDER/python/complete"]
    missing = [str(tmp_path / name) for name in ("broken", "nothing", "loop", "loop/x")] + ["~no-such-user/x"]
    answer = preflight(tmp_path, paths=there + missing)
    assert answer["paths"] == dict.fromkeys(there, complete) | dict.fromkeys(missing, "")


def test_no_engine_is_said_and_a_system_tried_all_the_same_is_warned_of(tmp_path):
    answer = preflight(tmp_path)
    assert answer["docker_answers"] is False
    assert any("preflight_allow_unsupported_os" in str(warning) for warning in answer["warnings"])


def test_all_problems_come_in_one_sentence(engine, tmp_path):
    answer = preflight(tmp_path, allow_unsupported_os=False, min_free_disk_gb=10**9, min_memory_mb=10**9)
    assert answer["failed"]
    assert answer["msg"].startswith("This host cannot carry the deployment yet: ")
    for variable in ("preflight_allow_unsupported_os", "preflight_min_free_disk_gb", "preflight_min_memory_mb"):
        assert variable in answer["msg"]


def test_the_container_that_holds_a_port_is_named(engine, tmp_path):
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as taken:
        engine.port = taken.server_address[1]
        port = {"address": "127.0.0.1", "port": engine.port, "container": "zakaz-clickhouse"}
        port |= {"variable": "clickhouse_http_port", "address_variable": "clickhouse_publish_address"}
        answer = preflight(tmp_path, ports=[port])
    assert f"port {engine.port} on 127.0.0.1 is taken by the container stranger" in answer["msg"]
    assert "clickhouse_http_port" in answer["msg"]


def test_what_the_settings_show_is_told_with_the_hosts_own(engine, tmp_path):
    answer = preflight(tmp_path, problems=["x_publish_address=:: would publish plain HTTP"], min_memory_mb=10**9)
    assert answer["failed"]
    assert answer["problems"][0] == "x_publish_address=:: would publish plain HTTP"
    assert "x_publish_address=:: would publish plain HTTP; this host has" in answer["msg"]


def test_dockers_disk_is_judged_where_docker_keeps_its_data(tmp_path):
    engine = DockerEngine(tmp_path / "docker.sock", root="/proc/not/made")
    try:
        answer = preflight(tmp_path, min_free_disk_gb=0.001)
        assert answer["failed"]
        assert "/proc has 0.0 GB free" in answer["msg"]
        engine.info["DockerRootDir"] = str(tmp_path)
        assert not preflight(tmp_path, min_free_disk_gb=0.001).get("failed")
        # one disk, however many folders lie on it
        answer = preflight(tmp_path, min_free_disk_gb=1e9, disk_paths=[str(tmp_path), str(tmp_path / "backups")])
        assert answer["msg"].count("GB free") == 1
    finally:
        engine.stop()


def test_ports_that_cannot_be_are_told_without_a_traceback(engine, tmp_path):
    ports = [
        {"address": "127.0.0.1", "port": number, "container": "x", "variable": name, "address_variable": "a"}
        for name, number in (("clickhouse_http_port", 70000), ("tls_proxy_port", "https"))
    ]
    refused = preflight(tmp_path, ports=ports)
    assert refused["failed"]
    assert "clickhouse_http_port=70000 is no port" in refused["msg"]
    assert "tls_proxy_port=https is no port" in refused["msg"]
