"""Whether a registry can be reached: who is asked, what counts as an answer, and what the operator is told."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import registry_reach as reach

from tests.modules.run_module import run_module

WAYS = "Set clickhouse_image to embedded."


@contextmanager
def registry(status: int = 401) -> Iterator[tuple[str, list[str]]]:
    """A registry of plain HTTP on the loopback, and the paths it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def nowhere() -> str:
    """A port of the loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture(autouse=True)
def no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def asked_of(tmp_path: Path, *images: str, daemon: dict | None = None, timeout: float = 3) -> dict:
    """The module on a host without an engine."""
    (tmp_path / "daemon.json").write_text(json.dumps(daemon or {}))
    return run_module(
        "registry_reach",
        images=[{"name": image, "variable": "clickhouse_image", "ways": WAYS} for image in images],
        timeout=timeout,
        daemon_configuration=str(tmp_path / "daemon.json"),
        service_folder=str(tmp_path / "docker.service.d"),
    )


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    # any command of Docker ends in an error
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("clickhouse/clickhouse-server:26.3", "docker.io"),
        ("debian:12-slim", "docker.io"),
        ("docker.io/library/debian", "docker.io"),
        ("index.docker.io/library/debian", "docker.io"),
        ("registry.example.org/clickhouse:26.3", "registry.example.org"),
        ("registry:5000/clickhouse@sha256:00", "registry:5000"),
        ("localhost/clickhouse", "localhost"),
        ("server:26.3", "docker.io"),
    ],
)
def test_the_registry_of_an_image_is_in_its_name(image, host):
    assert reach.registry_of(image) == host


def test_mirrors_serve_docker_hub_alone():
    known = {
        "RegistryConfig": {"Mirrors": ["https://mirror.example.org/"], "IndexConfigs": {"old:5000": {"Secure": False}}}
    }
    assert reach.endpoints("docker.io", known) == ["https://mirror.example.org", "https://registry-1.docker.io"]
    assert reach.endpoints("r.example.org", known) == ["https://r.example.org"]
    assert reach.endpoints("old:5000", known) == ["https://old:5000", "http://old:5000"]
    assert reach.endpoints("127.0.0.1:5000", {})[-1] == "http://127.0.0.1:5000"


@pytest.mark.parametrize("status", [200, 401])
def test_a_registry_that_answers_is_a_yes(tmp_path, without_engine, status):
    with registry(status) as (host, asked):
        answer = asked_of(tmp_path, f"{host}/server:1")
    assert not answer.get("failed"), answer
    assert answer["answers"] == {f"{host}/server:1": "yes"}
    assert asked == ["/v2/"]
    assert not answer.get("warnings")


@pytest.mark.parametrize("status", [403, 404, 502])
def test_another_answer_is_a_warning(tmp_path, without_engine, status):
    with registry(status) as (host, _):
        answer = asked_of(tmp_path, f"{host}/server:1")
    assert not answer.get("failed"), answer
    (warning,) = answer["warnings"]
    assert f"clickhouse_image={host}/server:1" in str(warning) and f"HTTP {status}" in str(warning)


def test_nobody_is_refused_with_the_ways_out(tmp_path, without_engine, nowhere):
    answer = asked_of(tmp_path, f"{nowhere}/server:1")
    assert answer["failed"]
    assert f"clickhouse_image={nowhere}/server:1 cannot be pulled" in answer["msg"]
    assert "Connection refused" in answer["msg"] and answer["msg"].endswith(WAYS)


def test_a_name_that_nobody_knows_is_refused(tmp_path, without_engine):
    answer = asked_of(tmp_path, "registry.invalid/server:1")
    assert answer["failed"] and "registry.invalid" in answer["msg"]


def test_silence_takes_no_longer_than_was_said(tmp_path, without_engine):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        answer = asked_of(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}/server:1", timeout=1)
        assert time.monotonic() - began < 4
    assert answer["failed"]
    assert "timed out" in answer["msg"] or "no answer within 1 s" in answer["msg"]


def test_a_mirror_of_docker_is_enough(tmp_path, without_engine):
    with registry() as (host, asked):
        answer = asked_of(tmp_path, "clickhouse/clickhouse-server:1", daemon={"registry-mirrors": [f"http://{host}"]})
    assert answer["answers"] == {"clickhouse/clickhouse-server:1": "yes"}
    assert asked == ["/v2/"]


def test_images_of_one_registry_ask_once(tmp_path, without_engine):
    with registry() as (host, asked):
        answer = asked_of(tmp_path, f"{host}/server:1", f"{host}/debian:12")
    assert set(answer["answers"].values()) == {"yes"} and len(asked) == 1


@pytest.mark.parametrize("where", ["daemon.json", "unit"])
def test_dockers_own_proxy_is_used(tmp_path, without_engine, where):
    with registry(200) as (proxy, asked):
        daemon = {"insecure-registries": ["far.example.org:5000"]}
        if where == "unit":
            (tmp_path / "docker.service.d").mkdir()
            (tmp_path / "docker.service.d" / "proxy.conf").write_text(
                f'[Service]\nEnvironment="HTTP_PROXY=http://{proxy}" "NO_PROXY=near.example.org"\n'
            )
        else:
            daemon["proxies"] = {"http-proxy": f"http://{proxy}"}
        answer = asked_of(tmp_path, "far.example.org:5000/server:1", daemon=daemon)
    assert answer["answers"] == {"far.example.org:5000/server:1": "yes"}, answer
    assert asked == ["http://far.example.org:5000/v2/"]


def test_what_needs_no_proxy_goes_without(tmp_path, without_engine, nowhere):
    with registry() as (host, _):
        daemon = {"proxies": {"http-proxy": f"http://{nowhere}", "no-proxy": "127.0.0.1"}}
        answer = asked_of(tmp_path, f"{host}/server:1", daemon=daemon)
    assert set(answer["answers"].values()) == {"yes"}


@pytest.mark.parametrize(
    ("url", "without", "direct"),
    [
        ("https://10.1.2.3:5000", "localhost,10.0.0.0/8", True),
        ("https://[fd00::1]:5000", "10.0.0.0/8, fd00::/8", True),
        ("https://11.1.2.3:5000", "10.0.0.0/8", False),
        ("https://registry.example.org", "10.0.0.0/8,example.com", False),
        ("https://registry.example.org", "10.0.0.0/8,.example.org", True),
    ],
)
def test_networks_without_a_proxy_are_docker_s_too(url, without, direct):
    known = {"HttpsProxy": "http://proxy:3128", "NoProxy": without}
    assert (reach.proxies_for(url, known) == {}) is direct


@pytest.mark.parametrize(("status", "failed"), [(407, False), (403, True)])
def test_a_proxy_whose_password_is_not_shown_is_a_doubt(tmp_path, without_engine, status, failed):
    """`docker info` writes xxxxx in its place."""

    class Refuse(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            self.send_error(status)

    with HTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        proxy = f"http://xxxxx:xxxxx@127.0.0.1:{server.server_address[1]}"
        answer = asked_of(tmp_path, "registry.example.org/server:1", daemon={"proxies": {"https-proxy": proxy}})
        server.shutdown()
    assert answer.get("failed", False) is failed
    assert str(status) in str(answer)


def test_a_proxy_of_the_environment_is_only_a_hint(tmp_path, without_engine, monkeypatch):
    with registry(200) as (proxy, _):
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        daemon = {"insecure-registries": ["registry.invalid:5000"]}
        answer = asked_of(tmp_path, "registry.invalid:5000/server:1", daemon=daemon)
    assert not answer.get("failed"), answer
    assert "Docker must be told of too" in str(answer["warnings"])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"proxies": 7}'])
def test_a_damaged_configuration_of_docker_asks_directly(tmp_path, text):
    file = tmp_path / "daemon.json"
    file.write_text(text)
    known = reach.configured(file, tmp_path / "nothing")
    assert reach.endpoints("docker.io", known) == ["https://registry-1.docker.io"]
    assert reach.proxies_for("https://registry-1.docker.io", known) == {}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A Docker command whose engine has the image made:1 and a mirror."""
    command = tmp_path / "bin" / "docker"
    command.parent.mkdir()
    monkeypatch.setenv("PATH", f"{command.parent}:/usr/bin:/bin")

    def running(mirror: str) -> None:
        told = json.dumps({"ServerVersion": "20.10", "RegistryConfig": {"Mirrors": [mirror]}})
        command.write_text(
            f"#!/bin/sh\n[ $1 = info ] && echo '{told}' && exit\n[ $1 = image ] && [ $5 = made:1 ] && echo there\n"
        )
        command.chmod(0o755)

    return running


def test_what_the_host_has_is_asked_of_nobody(tmp_path, engine, nowhere):
    engine(f"http://{nowhere}")
    there = run_module("registry_reach", images=[{"name": "made:1", "variable": "v", "ways": WAYS}])
    assert there["answers"] == {"made:1": "there"}
    made = [{"name": f"{nowhere}/debian:12", "made": "made:1", "variable": "v", "ways": WAYS}]
    assert run_module("registry_reach", images=made)["answers"] == {f"{nowhere}/debian:12": "there"}


def test_a_running_engine_knows_its_mirrors_better_than_its_files(tmp_path, engine):
    with registry() as (host, _):
        engine(f"http://{host}")
        answer = asked_of(tmp_path, "other:1", daemon={"registry-mirrors": ["http://registry.invalid"]})
    assert answer["answers"] == {"other:1": "yes"}


def test_a_running_engine_without_a_proxy_does_not_take_ours(tmp_path, engine, nowhere, monkeypatch):
    """It would not pull by it, so an answer by it is not even a hint."""
    with registry(200) as (proxy, asked):
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        monkeypatch.setenv("no_proxy", "")
        engine("https://registry.invalid")
        answer = asked_of(tmp_path, "127.0.0.1:1/server:1")
    assert answer["failed"], answer
    assert asked == []
