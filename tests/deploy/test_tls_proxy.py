"""BI over TLS: HTTP/2, the query endpoint and nothing else; a certificate that cannot serve is refused at the start."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.certificates import certificate

from .conftest import NAME, docker, play, secret

# it builds an image of its own: make deploy-test ALL=1
pytestmark = [pytest.mark.deploy, pytest.mark.slow]
HOST, PORT = "bi.example.org", 18443
CONTAINER = f"{NAME}-tls-proxy"
PROXY_ONLY = ("--tags", "tls_proxy")
ON = (
    "tls_proxy_enabled=true",
    f"tls_proxy_hostname={HOST}",
    f"tls_proxy_port={PORT}",
    "tls_proxy_publish_address=127.0.0.1",
)


def curl(path: str, authority: Path, *arguments: str) -> tuple[int, str, str, str]:
    """Ask through TLS as bi_reader: status, HTTP version, headers, body."""
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--include", "--max-time", "30"),
            *("--cacert", str(authority), "--resolve", f"{HOST}:{PORT}:127.0.0.1"),
            *("--user", f"bi_reader:{secret('clickhouse_bi_reader')}"),
            *arguments,
            f"https://{HOST}:{PORT}{path}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # a long upload is answered first with a permission to go on
    headers, _, body = (
        re.sub(r"\AHTTP/[\d.]+ 100.*?\r?\n\r?\n", "", done.stdout, flags=re.DOTALL).replace("\r", "").partition("\n\n")
    )
    version, status = headers.split()[:2]
    return int(status), version, headers.lower(), body


def settings(certificate_pem: str, key: str) -> str:
    return json.dumps({"tls_proxy_certificate": certificate_pem, "tls_proxy_key": key})


@pytest.fixture(scope="module")
def own(deployed, tmp_path_factory):
    """The proxy with a certificate of one's own; the file that vouches for it."""
    pair = certificate(HOST)
    authority = tmp_path_factory.mktemp("tls") / "certificate.pem"
    authority.write_text(pair[0])
    assert play("site", *ON, settings(*pair), flags=PROXY_ONLY).code == 0
    assert play("site", *ON, settings(*pair), flags=PROXY_ONLY).counts["changed"] == 0
    return authority


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ((certificate(HOST)[0], certificate(HOST)[1]), "tls_proxy_key is not the key of tls_proxy_certificate"),
        (certificate(HOST, days=-1), "Give one that is valid now"),
    ],
    ids=["another key", "expired"],
)
def test_certificate_that_cannot_serve_is_refused_at_the_start(deployed, pair, words):
    refused = play("site", *ON, settings(*pair))
    assert refused.code != 0
    assert words in refused.output
    assert "PRIVATE" not in refused.output
    assert refused.counts["changed"] == 0
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}") == ""


def test_bi_asks_over_http_2(own):
    status, version, headers, body = curl("/", own, "--data-binary", "SELECT count() > 0 FROM bi.v_marketing_roi_daily")
    assert (status, version, body.strip()) == (200, "HTTP/2", "1")
    assert "strict-transport-security: max-age=31536000" in headers
    assert "x-content-type-options: nosniff" in headers
    assert "\nserver:" not in headers
    assert curl("/?query=SELECT+1", own)[3].strip() == "1"
    assert curl("/ping", own)[0] == 200


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        *[
            (path, ())
            for path in ("/play", "/metrics", "/replicas_status", "/dashboard", "/js/x", "//", "/ping/x", "/%2e")
        ],
        ("/", ("--request", "DELETE")),
        ("/ping", ("--data-binary", "x")),
    ],
)
def test_all_else_is_not_there(own, path, arguments):
    assert curl(path, own, "--path-as-is", *arguments)[0] == 404


def test_grants_hold_behind_the_proxy(own):
    assert curl("/", own, "--data-binary", "SELECT count() FROM zakaz.stg_qtickets_orders")[0] in (403, 500)
    assert curl("/", own, "--user", "bi_reader:wrong", "--data-binary", "SELECT 1")[0] in (401, 403)


def test_large_request_is_refused(own, tmp_path):
    large = tmp_path / "large.sql"
    large.write_text("SELECT 1 -- " + "x" * 1_500_000)
    assert curl("/", own, "--data-binary", f"@{large}")[0] in (400, 413, 502)


def test_plain_http_and_old_tls_are_refused(own):
    plain = subprocess.run(
        ["curl", "--silent", f"http://127.0.0.1:{PORT}/ping"], capture_output=True, text=True, check=False
    )
    assert "Ok" not in plain.stdout
    old = ["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]
    command = [
        "curl",
        "--silent",
        "--insecure",
        *old,
        "--resolve",
        f"{HOST}:{PORT}:127.0.0.1",
        f"https://{HOST}:{PORT}/ping",
    ]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_proxy_has_no_more_rights_than_it_needs(own):
    config = json.loads(docker("inspect", CONTAINER))[0]
    assert config["Config"]["User"] == "10002:10002"
    assert config["HostConfig"]["ReadonlyRootfs"]
    assert config["HostConfig"]["CapDrop"] == ["ALL"]
    assert config["HostConfig"]["CapAdd"] in (None, [])
    assert "no-new-privileges:true" in config["HostConfig"]["SecurityOpt"]
    assert docker("port", f"{NAME}-clickhouse").splitlines() == ["8123/tcp -> 127.0.0.1:18123"]
    assert "PRIVATE" not in json.dumps(config)


def test_authority_of_its_own_serves_and_stays_the_same(own):
    internal = (*ON, "tls_proxy_certificate_source=internal")
    assert play("site", *internal, flags=PROXY_ONLY).code == 0
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    root = data / "zakaz-dashboard" / "ci" / NAME / "host" / "tls_proxy/state/pki/authorities/local/root.crt"
    assert curl("/?query=SELECT+1", root)[:2] == (200, "HTTP/2")
    before = root.read_bytes()
    docker("restart", CONTAINER)
    again = play("site", *internal, flags=PROXY_ONLY)
    assert again.counts["changed"] == 0
    assert root.read_bytes() == before
    assert str(root) in again.output


def test_turned_off_it_is_gone(own):
    assert play("site", flags=PROXY_ONLY).code == 0
    assert docker("ps", "--all", "--quiet", "--filter", f"name={CONTAINER}") == ""
    assert play("site", flags=PROXY_ONLY).counts["changed"] == 0
