"""Addresses that ports are published on: as Docker takes them, as a client reaches them, and which are refused."""

from __future__ import annotations

import pytest
from filter.addresses import in_url, publish_problem, published_on, reached_at

# what an operator writes, how Docker takes it, how it is reached, and that in a URL
WRITTEN = [
    ("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("127.8.9.1", "127.8.9.1", "127.8.9.1", "127.8.9.1"),
    ("localhost", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("::1", "[::1]", "::1", "[::1]"),
    ("[::1]", "[::1]", "::1", "[::1]"),
    ("0:0:0:0:0:0:0:1", "[::1]", "::1", "[::1]"),
    ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("10.0.0.5", "10.0.0.5", "10.0.0.5", "10.0.0.5"),
    ("fd00::5", "[fd00::5]", "fd00::5", "[fd00::5]"),
    ("0.0.0.0", "0.0.0.0", "127.0.0.1", "127.0.0.1"),
    ("::", "[::]", "::1", "[::1]"),
]
LOOPBACK = WRITTEN[:7]


@pytest.mark.parametrize(("written", "docker", "client", "url"), WRITTEN)
def test_an_address_takes_the_form_of_its_use(written, docker, client, url):
    assert published_on(written) == docker
    assert reached_at(written) == client
    assert in_url(reached_at(written)) == url


@pytest.mark.parametrize(("host", "url"), [("db.example.org", "db.example.org"), ("fe80::1%eth0", "[fe80::1%25eth0]")])
def test_a_name_and_a_zone_stand_in_a_url(host, url):
    assert reached_at(host) == host
    assert in_url(host) == url


@pytest.mark.parametrize("written", [case[0] for case in LOOPBACK])
def test_the_loopback_needs_no_reason(written):
    assert publish_problem(written, "x_publish_address", "x_reason", "") == ""


@pytest.mark.parametrize("written", [case[0] for case in WRITTEN[7:]] + ["::ffff:10.0.0.5"])
def test_anything_else_without_tls_needs_a_reason(written):
    problem = publish_problem(written, "x_publish_address", "x_reason", "")
    assert f"x_publish_address={written}" in problem
    assert "127.0.0.1" in problem and "tls_proxy_enabled" in problem and "x_reason" in problem
    assert publish_problem(written, "x_publish_address", "x_reason", " \t") == problem
    assert publish_problem(written, "x_publish_address", "x_reason", "a private network") == ""


@pytest.mark.parametrize("written", [case[0] for case in WRITTEN])
def test_what_has_tls_may_be_published_anywhere(written):
    assert publish_problem(written, "tls_proxy_publish_address") == ""


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "db.example.org",
        "1.2.3",
        "::1::",
        "127.0.0.1:8123",
        "[::1",
        "fe80::1%eth0",
        "fe80::1",
        "::1%lo",
        "fd00::5%eth0",
        "eth0",
        "224.0.0.1",
        None,
        7,
    ],
)
def test_what_docker_cannot_publish_on_is_refused_by_name(written):
    problem = publish_problem(written, "x_publish_address", "x_reason", "a reason")
    assert f"x_publish_address={written}" in problem
    assert "127.0.0.1" in problem
