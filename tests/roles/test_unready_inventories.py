"""An inventory that cannot be used yet: a sentence that names the way out, and nothing done."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY

BIN = Path(sys.executable).parent


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        command, cwd=REPOSITORY, env={**environment, "NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def locked(tmp_path):
    """An inventory of one host whose Vault nobody opened."""
    folder = tmp_path / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("zakaz: {hosts: {localhost: {ansible_connection: local}}}\n")
    vault, password = folder / "group_vars" / "zakaz.yml", tmp_path / "password"
    vault.write_text("vault_probe: s3cret\n")
    password.write_text("a password\n")
    done = run(str(BIN / "ansible-vault"), "encrypt", "--vault-password-file", str(password), str(vault))
    assert done.returncode == 0, done.stderr
    # beside the others for make, outside the working tree for everybody else
    return os.path.relpath(folder, REPOSITORY / "inventories"), password


def test_locked_vault_is_named_before_anything_runs(locked):
    inventory, password = locked
    refused = run("make", "--dry-run", "deploy", f"INVENTORY={inventory}")
    assert refused.returncode != 0
    assert f"inventories/{inventory}/group_vars/zakaz.yml is locked: add ARGS=--ask-vault-pass" in refused.stderr
    opened = run("make", "--dry-run", "deploy", f"INVENTORY={inventory}", f"ARGS=--vault-password-file={password}")
    assert opened.returncode == 0
    assert "playbooks/site.yml" in opened.stdout


def test_wrong_password_of_the_vault_does_nothing(locked, tmp_path):
    inventory, wrong = f"inventories/{locked[0]}", tmp_path / "wrong"
    wrong.write_text("another\n")
    play = run(str(BIN / "ansible-playbook"), "-i", inventory, "playbooks/site.yml", f"--vault-password-file={wrong}")
    assert play.returncode != 0
    assert "Decryption failed" in play.stderr
    assert "▸" not in play.stdout


def test_unreachable_host_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    hosts = tmp_path / "hosts.yml"
    far = f"{{ansible_host: 127.0.0.1, ansible_port: {port}, ansible_connection: ssh}}"
    hosts.write_text(f"zakaz: {{hosts: {{far.example.org: {far}}}}}\n")
    play = run(str(BIN / "ansible-playbook"), "-i", str(hosts), "playbooks/site.yml")
    assert play.returncode != 0
    assert "✗ far.example.org cannot be reached: " in play.stdout
    assert "Connection refused" in play.stdout
    assert "Traceback" not in play.stdout + play.stderr


INTERRUPTED = "An upgrade of this host was interrupted. Run make upgrade"


@pytest.mark.parametrize(("interrupted", "told"), [(True, INTERRUPTED), (False, "GB are needed")])
def test_an_interrupted_upgrade_is_told_of_before_what_it_left(tmp_path, interrupted, told):
    """Such as a full disk: to free space for a deployment would not be the way."""
    if interrupted:
        (tmp_path / "host" / "upgrade").mkdir(parents=True)
        (tmp_path / "host" / "upgrade" / "state.json").write_text("{}")
    settings = {"zakaz_name": "zakaz-unready", "preflight_min_free_disk_gb": 10**6}
    settings |= {"zakaz_dir": f"{tmp_path}/host", "zakaz_controller_dir": f"{tmp_path}/controller"}
    deploy = run(
        *(str(BIN / "ansible-playbook"), "-i", "inventories/local", "playbooks/site.yml"), "-e", json.dumps(settings)
    )
    failures = [line for line in deploy.stdout.splitlines() if "interrupted" in line or "are needed" in line]
    assert len(failures) == 1 and told in failures[0]


def check(tmp_path: Path, inventory: str = "local", **settings: object) -> subprocess.CompletedProcess[str]:
    """The plan of a deployment that is not there yet."""
    settings |= {"zakaz_name": "zakaz-unready", "preflight_min_free_disk_gb": 0, "preflight_min_memory_mb": 1}
    settings |= {"zakaz_dir": f"{tmp_path}/host", "zakaz_controller_dir": f"{tmp_path}/controller"}
    settings |= {"clickhouse_http_port": 18599, "api_sandbox_port": 18598}
    command = (
        str(BIN / "ansible-playbook"),
        "-i",
        f"inventories/{inventory}",
        "playbooks/site.yml",
        "--check",
        "--diff",
    )
    return run(*command, "-e", json.dumps(settings))


@pytest.mark.patient
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"alerts_mail_to": ["a@example.org"]}, "alerts_smtp_host must name the server"),
        (
            {"alerts_smtp_user": "zakaz", "alerts_smtp_security": "none"},
            "would send its password in clear; set alerts_smtp_security",
        ),
        ({"watch_certificates": ["dashboard.example.org"]}, "watch_certificates must be a list of endpoints"),
        ({"backup_keep_daily": 0}, "backup_keep_daily must be 1 or more"),
        ({"base_image_source": "archive", "base_image_archive": "/nowhere.tar"}, "/nowhere.tar is no file there"),
        ({"tls_proxy_enabled": True}, "tls_proxy_enabled needs tls_proxy_hostname"),
        (
            {"clickhouse_publish_address": "0.0.0.0"},
            "clickhouse_publish_address=0.0.0.0 would publish plain HTTP, passwords and figures in clear",
        ),
        ({"clickhouse_publish_address": "warehouse.example.org"}, "is no address that Docker publishes ports on"),
        ({"api_sandbox_publish_address": "::"}, "api_sandbox_publish_plain_reason"),
        (
            {
                "qtickets_api_webhook_enabled": True,
                "qtickets_api_webhook_secret": "s",
                "qtickets_api_webhook_publish_address": "::",
            },
            "qtickets_api_webhook_publish_plain_reason",
        ),
    ],
)
def test_what_settings_show_is_told_before_anything_is_installed(tmp_path, settings, words):
    plan = check(tmp_path, **settings)
    assert plan.returncode != 0
    assert words in plan.stdout, plan.stdout
    assert "+++" not in plan.stdout
    assert not (tmp_path / "host").exists()


@pytest.mark.patient
@pytest.mark.parametrize("source", ["server", "base"])
def test_no_registry_is_told_first_with_three_ways_out(tmp_path, source):
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
    images = {
        "server": {"clickhouse_image": f"{host}/server:26.3"},
        "base": {
            "base_image_source": "registry",
            "base_image_registry_image": f"{host}/d:1",
            "base_image_packages": ["x"],
        },
    }
    plan = check(tmp_path, **images[source])
    assert plan.returncode != 0
    assert f"registry {host} (" in plan.stdout and "Connection refused" in plan.stdout
    ways = {
        "server": ("clickhouse_image: embedded", "registry-mirrors", "docker load"),
        "base": ("base_image_source: debian_packages", "base_image_source: archive", "registry-mirrors"),
    }
    for way in ways[source]:
        assert way in plan.stdout
    assert not (tmp_path / "host").exists()
    silenced = check(tmp_path, preflight_registry_timeout=0, **images[source])
    assert f"registry {host} (" not in silenced.stdout


@pytest.mark.patient
def test_the_plan_of_a_fresh_host_tells_what_would_be_there(tmp_path):
    settings = {
        "zakaz_manages_units": True,
        "api_sandbox_enabled": False,
        "clickhouse_image": "clickhouse/clickhouse-server:26.3.16.16",
        "clickhouse_publish_address": "::1",
        "preflight_registry_timeout": 0,
        "tls_proxy_enabled": True,
        "tls_proxy_hostname": "bi.example.org",
        "tls_proxy_certificate_source": "internal",
        "tls_proxy_port": 18597,
        "qtickets_api_webhook_enabled": True,
        "qtickets_api_webhook_port": 18596,
        "qtickets_api_schedule": "*:7/20",
        "alerts_webhook_url": "https://alerts.example.org/",
        **dict.fromkeys(("qtickets_api_token", "vk_ads_client_id", "vk_ads_client_secret"), "given"),
        "qtickets_api_webhook_secret": "given",
        "clickhouse_admin_password": "given",
    }
    plan = check(tmp_path, **settings)
    assert plan.returncode == 0, plan.stdout
    assert "--hash=" not in plan.stdout
    assert len(plan.stdout.splitlines()) < 140
    tables, views = (
        sum(f"\nCREATE {word}" in f"\n{path.read_text()}" for path in (REPOSITORY / "templates/ddl").glob("*.j2"))
        for word in ("TABLE", "OR REPLACE VIEW")
    )
    for words in (
        f"{tmp_path}/host (0700)",
        "zakaz/qtickets-api:",
        "clickhouse/clickhouse-server:26.3.16.16, pulled",
        "zakaz-unready-clickhouse [::1]:18599",
        "zakaz-unready-tls-proxy  0.0.0.0:18597, HTTPS for bi.example.org",
        "zakaz-unready-qtickets-webhook 127.0.0.1:18596",
        "zakaz-unready-qtickets-api.timer *:7/20",
        "zakaz-unready-vk-ads.timer *:10/30",
        "zakaz-unready-backup.timer *-*-* 03:40:00 Europe/Moscow",
        "zakaz-unready-watch.timer *:2/5",
        "tells of failures: webhook",
        "reads https://qtickets.ru/api/rest/v1",
        f"3 databases, {tables} tables, {views} views",
        "admin, bi_reader, loader_qtickets",
        "the inventory's own (Vault)",
        "11 packages of target.txt",
    ):
        assert words in plan.stdout, words
    assert "given" not in plan.stdout
    assert not (tmp_path / "host").exists()
