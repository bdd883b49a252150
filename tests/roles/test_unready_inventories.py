"""An inventory that cannot be used yet: a sentence that names the way out, and nothing done."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY, operator_verbs
from tests.sources import ADVERTISING, ENABLED, SALES, SOURCES, required_secrets, service_secrets, services, unit_of

BIN = Path(sys.executable).parent


VERBS = operator_verbs()
# what sources run beside their loaders: how its variables begin, and those of its secrets
SERVICES = {f"{source}_{name}": service_secrets(source, name) for source, name, _ in services()}
PLAYBOOKS = sorted(path.name for path in (REPOSITORY / "playbooks").glob("*.yml"))


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MAKE", "INVENTORY"))}
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env={**ours, "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def make(verb: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("make", "--no-print-directory", verb, *words, **environment)


def play(inventory: Path | str, playbook: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = (str(BIN / "ansible-playbook"), "-i", str(inventory), f"playbooks/{playbook}")
    return run(*command, *words, **environment)


def beside(folder: Path) -> str:
    """The folder as make is told of it: beside the other inventories, outside the working tree for everybody else."""
    return os.path.relpath(folder, REPOSITORY / "inventories")


def one_line(text: str) -> str:
    """Ansible breaks its own errors by the width of a terminal."""
    return " ".join(text.split())


def inventory_of(folder: Path, hosts: str | None = None, **files: str) -> Path:
    """An inventory: its hosts.yml, and files of group_vars/zakaz."""
    folder = folder / "inventory"
    (folder / "group_vars" / "zakaz").mkdir(parents=True)
    if hosts is not None:
        (folder / "hosts.yml").write_text(hosts, encoding="utf-8")
    for name, text in files.items():
        (folder / "group_vars" / "zakaz" / f"{name}.yml").write_text(text, encoding="utf-8")
    return folder


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
    return beside(folder), password


def test_locked_vault_is_named_before_anything_runs(locked):
    inventory, password = locked
    refused = run("make", "--dry-run", "deploy", f"INVENTORY={inventory}")
    assert refused.returncode != 0
    assert f"inventories/{inventory}/group_vars/zakaz.yml is locked: add ARGS=--ask-vault-pass" in refused.stderr
    opened = run("make", "--dry-run", "deploy", f"INVENTORY={inventory}", f"ARGS=--vault-password-file={password}")
    assert opened.returncode == 0
    assert "playbooks/site.yml" in opened.stdout


@pytest.mark.parametrize("words", ["-J", "--ask-vault-pass", "--vault-id=x"])
def test_whatever_opens_a_vault_is_taken_for_it(locked, words):
    assert make("deploy", "--dry-run", f"INVENTORY={locked[0]}", f"ARGS={words}").returncode == 0


def test_a_password_file_of_any_name_opens_the_vault(locked):
    for variable in ("ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST"):
        opened = run("make", "--dry-run", "rollback", f"INVENTORY={locked[0]}", **{variable: "/etc/zakaz/key"})
        assert opened.returncode == 0, opened.stderr
    refused = run("make", "--dry-run", "rollback", f"INVENTORY={locked[0]}")
    assert "is locked" in refused.stderr


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
        (
            {"watch_silent_days": -1, "status_disk_free_gb": -2},
            "watch_silent_days, watch_disk_free_gb must be a number, 0 or more",
        ),
        ({"status_freshness_minutes": 0}, "watch_freshness_minutes and watch_parts must be 1 or more"),
        ({"watch_degraded_share": 5}, "watch_degraded_share must be a share from 0 to 1"),
        ({"watch_silent_tables": ["zakaz.stg_orders"]}, "watch_silent_tables names zakaz.stg_orders, which is not"),
        ({"status_disk_free_gb": "off"}, "watch_disk_free_gb must be a number"),
        ({"backup_keep_daily": 0}, "backup_keep_daily must be 1 or more"),
        ({"base_image_source": "archive", "base_image_archive": "/nowhere.tar"}, "/nowhere.tar is no file there"),
        ({"tls_proxy_enabled": True}, "tls_proxy_enabled needs tls_proxy_hostname"),
        (
            {"clickhouse_publish_address": "0.0.0.0"},
            "clickhouse_publish_address=0.0.0.0 would publish plain HTTP, passwords and figures in clear",
        ),
        ({"clickhouse_publish_address": "warehouse.example.org"}, "is no address that Docker publishes ports on"),
        ({"api_sandbox_publish_address": "::"}, "api_sandbox_publish_plain_reason"),
        *(
            (
                {f"{prefix}_enabled": True, f"{prefix}_publish_address": "::", **dict.fromkeys(secrets, "s")},
                f"{prefix}_publish_plain_reason",
            )
            for prefix, secrets in SERVICES.items()
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
        **{f"{prefix}_enabled": True for prefix in SERVICES},
        **{f"{prefix}_port": 18596 - number for number, prefix in enumerate(SERVICES)},
        f"{SALES}_schedule": "*:7/20",
        "alerts_webhook_url": "https://alerts.example.org/",
        **dict.fromkeys([name for source in ENABLED for name in required_secrets(source)], "given"),
        **dict.fromkeys([name for secrets in SERVICES.values() for name in secrets], "given"),
        "clickhouse_admin_password": "given-once",
        "backup_age_recipient": "age1" + "q" * 58,
        "backup_age_identity": "AGE-SECRET-KEY-1",
        "backup_s3_path": "bucket",
        "backup_s3_endpoint": "https://s3.example.org",
        "backup_s3_access_key_id": "given",
        "backup_s3_secret_access_key": "given",
        "watch_install_node_exporter": True,
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
        "clickhouse/clickhouse-server:26.3.16.16, pulled",
        "zakaz-unready-clickhouse [::1]:18599",
        "zakaz-unready-tls-proxy  0.0.0.0:18597, HTTPS for bi.example.org",
        "zakaz-unready-backup.timer *-*-* 03:40:00 Europe/Moscow",
        "zakaz-unready-watch.timer *:2/5",
        "tells of failures: webhook",
        f"3 databases, {tables} tables, {views} views",
        "admin, bi_reader, ",
        "the inventory's own (Vault)",
        "7 packages of target.txt",
        "age, rclone, prometheus-node-exporter\n",
    ):
        assert words in plan.stdout, words
    for source in ENABLED:
        said, unit = SOURCES[source], unit_of(source, "zakaz-unready")
        assert f"{unit}.timer {said['schedule'] if source != SALES else '*:7/20'}" in plan.stdout
        assert f"zakaz/{unit_of(source).removeprefix('zakaz-')}:" in plan.stdout
        assert said["settings"]["base_url"]["default"] in plan.stdout
        assert said["clickhouse"]["user"] in plan.stdout
    for number, (_, _, service) in enumerate(services()):
        assert f"zakaz-unready-{service['container']} 127.0.0.1:{18596 - number}" in plan.stdout
    assert "given" not in plan.stdout
    assert not (tmp_path / "host").exists()


LOCALHOST = "zakaz: {hosts: {localhost: {ansible_connection: local}}}\n"
# what hosts.yml holds, and what must be told beside its name
WITHOUT_HOSTS = {
    "empty": ("", "no host of the group zakaz"),
    "comments": ("# later\n", "no host of the group zakaz"),
    "no hosts in the group": ("zakaz: {hosts: {}}\n", "no host of the group zakaz"),
    "another group": ("zakza: {hosts: {a.example.org: {}}}\n", "Its groups: zakza (a.example.org)"),
    "host beside the group": ("zakaz:\n  hosts:\nall: {hosts: {a.example.org: {}}}\n", "no host of the group zakaz"),
    "no YAML": ("zakaz:\n  hosts\n    a.example.org:\n", "hosts.yml"),
    "unclosed": ("zakaz: {hosts: {a.example.org: \n", "hosts.yml"),
    "a list": ("- zakaz: a.example.org\n", "hosts.yml"),
    "locked": ("$ANSIBLE_VAULT;1.1;AES256\n61\n", "hosts.yml"),
    "not there": (None, "inventory"),
}


def test_the_makefile_names_its_operators_verbs():
    assert {"deploy", "plan", "status", "rollback", "remove"} <= set(VERBS)
    assert "lint" not in VERBS


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("words", [(), ("SECRET=vault",)], ids=["", "vault"])
def test_a_misspelt_inventory_is_refused_with_those_there_are(verb, words):
    if words and verb != "rotate":
        return
    done = make(verb, "INVENTORY=prodction", *words)
    assert done.returncode != 0
    assert "inventories/prodction is no inventory: INVENTORY= names one of ci, local, production" in done.stderr
    assert "▸" not in done.stdout


@pytest.mark.parametrize(
    "name", ["", ".", "local/..", " ", "inventories/local", "lo cal", "local,production", "pro'd", "$(id)", "`id`"]
)
def test_what_names_no_inventory_or_all_of_them_is_refused(name):
    done = make("status", f"INVENTORY={name.replace('$', '$$')}")
    assert done.returncode != 0
    assert f"inventories/{name.strip()} is no inventory: INVENTORY= names one of ci, local, production" in done.stderr
    assert "▸" not in done.stdout


def test_an_inventory_of_the_environment_is_judged_too():
    done = make("status", INVENTORY="")
    assert done.returncode != 0
    assert "INVENTORY" in done.stderr


@pytest.mark.patient
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "vault"])
def test_no_verb_is_content_with_no_host(verb, tmp_path):
    folder = inventory_of(tmp_path, "zakaz: {hosts: {}}\n")
    # arguments that are right, so that nothing else is refused
    done = make(
        verb,
        f"INVENTORY={beside(folder)}",
        f"SECRET={SOURCES[ADVERTISING]['clickhouse']['rotates_as']}",
        "DIR=docs",
        "FILE=README.md",
    )
    assert done.returncode != 0
    assert f"{folder}/hosts.yml names no host of the group zakaz" in one_line(done.stderr)


@pytest.mark.parametrize("case", WITHOUT_HOSTS)
def test_an_inventory_that_reaches_no_host_is_named(case, tmp_path):
    hosts, told = WITHOUT_HOSTS[case]
    folder = inventory_of(tmp_path, hosts)
    done = play(folder, "status.yml")
    assert done.returncode not in (0, 250)
    assert str(folder) in done.stderr
    assert told in one_line(done.stderr)
    assert "ok=" not in done.stdout


@pytest.mark.patient
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_no_playbook_is_content_with_a_file_that_is_not_there(playbook, tmp_path):
    done = play(tmp_path / "typo", playbook)
    assert done.returncode == 1
    assert f"{tmp_path}/typo" in one_line(done.stderr)


@pytest.mark.parametrize("callback", ["phases", "default", "minimal"])
def test_a_limit_to_other_hosts_is_named_whoever_prints_the_run(callback, tmp_path):
    folder = inventory_of(tmp_path, LOCALHOST + "others: {hosts: {b.example.org: {}}}\n")
    done = play(folder, "status.yml", "--limit", "b.example.org", ANSIBLE_STDOUT_CALLBACK=callback)
    assert done.returncode == 1
    assert "--limit b.example.org leaves no host of the group zakaz" in one_line(done.stderr)
    assert "localhost" in done.stderr


def test_a_limit_to_nobody_fails(tmp_path):
    done = play(inventory_of(tmp_path, LOCALHOST), "status.yml", "--limit", "typo")
    assert done.returncode != 0
    assert "--limit" in one_line(done.stderr) and "typo" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"), [("--tags=always,typo", "--tags typo"), ("--start-at-task=typo", "--start-at-task typo")]
)
def test_what_selects_no_task_fails(words, told, tmp_path):
    done = play(inventory_of(tmp_path, LOCALHOST), "status.yml", words)
    assert done.returncode != 0
    assert told in one_line(done.stderr)
    assert "ok=" not in done.stdout


@pytest.mark.parametrize(
    "words", ["--tags=preflight", f"--tags={ADVERTISING},clickhouse_schema", "--tags=always", "--tags=all"]
)
def test_a_tag_that_a_task_has_is_known(words, tmp_path):
    # goes on to the host, which has no Python there
    done = play(inventory_of(tmp_path, LOCALHOST), "site.yml", words, "-e", "ansible_python_interpreter=/nowhere")
    assert "no task has that tag" not in done.stderr
    assert "Gathering Facts" in done.stdout


def test_one_broken_file_of_several_is_fatal(tmp_path):
    """Its hosts would be left out without a word."""
    folder = inventory_of(tmp_path, LOCALHOST)
    (folder / "more.yml").write_text("zakaz: {hosts: {b.example.org\n")
    done = play(folder, "status.yml")
    assert done.returncode == 1
    assert f"{folder}/more.yml" in one_line(done.stderr)
    assert "▸" not in done.stdout


def test_files_that_are_no_inventory_may_lie_beside_it(tmp_path):
    folder = inventory_of(tmp_path, LOCALHOST)
    for name in ("bi.pem", "bi.crt", "bi.key", "README.md", "hosts.yml.example", "sheet.csv"):
        (folder / name).write_text("-----BEGIN CERTIFICATE-----\na,b c\n")
    done = run(str(BIN / "ansible-inventory"), "-i", str(folder), "--graph")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
