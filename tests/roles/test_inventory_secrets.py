"""What of an inventory's secrets is missing or lies open is named before the first task."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from callback.unready_inventory import open_secrets
from make_vault import names

from tests.makefile import REPOSITORY, operator_verbs
from tests.roles.test_unready_inventories import BIN, beside, make, one_line, play
from tests.sources import ADVERTISING, SOURCES, required_secrets

GROUP = REPOSITORY / "inventories" / "production" / "group_vars" / "zakaz"
SECRETS = sorted(names())
# those that ask for no secret: what is left of a deployment can be told and removed without its Vault
WITHOUT_SECRETS = {"history", "remove"}
KEY = "the key\n"
# one that some source cannot do without, and how the password of its loader is rotated
ONE = required_secrets(ADVERTISING)[0]
PASSWORD = SOURCES[ADVERTISING]["clickhouse"]["rotates_as"]


class Production:
    """The inventory of production, copied and named for this machine, with a Vault that a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder / "production", folder / "key"
        shutil.copytree(GROUP, self.folder / "group_vars" / "zakaz", ignore=shutil.ignore_patterns("vault.yml"))
        self.vault = self.folder / "group_vars" / "zakaz" / "vault.yml"
        self.key.write_text(KEY)
        self.hosts("a.example.org")

    def hosts(self, *names: str) -> None:
        """Hosts on which everything ends at once, since nothing may be written where they keep their files."""
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        variables = {"zakaz_dir": "/proc/none", "zakaz_name": "zakaz-unready", "zakaz_controller_dir": "/proc/none"}
        content = {"zakaz": {"hosts": dict.fromkeys(names, host), "vars": variables}}
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(content))

    def keep(self, secrets: dict, encrypted: bool = True) -> None:
        """Write the Vault."""
        self.vault.write_text(yaml.safe_dump(secrets))
        if encrypted:
            command = [BIN / "ansible-vault", "encrypt", "--vault-password-file", self.key, self.vault]
            subprocess.run(command, check=True, capture_output=True)

    def play(self, playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
        return play(self.folder, playbook, f"--vault-password-file={self.key}", *words)


FILLED = dict.fromkeys(SECRETS, "filled")


@pytest.fixture
def production(tmp_path):
    return Production(tmp_path)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """What a run said that was refused before its first task."""
    assert done.returncode != 0
    # the title of a check is printed by whoever prints the run
    phases = [line for line in done.stdout.splitlines() if "▸" in line and "check mode" not in line]
    assert not phases
    assert "ok=" not in done.stdout
    return one_line(done.stderr)


@pytest.mark.patient
@pytest.mark.parametrize("verb", [verb for verb in operator_verbs() if verb != "vault"])
def test_a_missing_vault_is_named_with_the_way_to_make_it(verb, production):
    done = make(verb, f"INVENTORY={beside(production.folder)}", f"SECRET={PASSWORD}", "DIR=docs", "FILE=README.md")
    if verb in WITHOUT_SECRETS:
        assert "vault" not in done.stdout + done.stderr
        assert "▸" in done.stdout
        return
    told = refused(done)
    assert f"{production.vault} is missing" in told
    assert "a.example.org" not in told
    assert f".venv/bin/ansible-vault create {production.vault}" in told
    assert all(secret in told for secret in SECRETS)


@pytest.mark.patient
@pytest.mark.parametrize("absent", SECRETS)
def test_one_absent_secret_is_named_alone(production, absent):
    production.keep({name: value for name, value in FILLED.items() if name != absent})
    told = refused(production.play("smoke.yml"))
    assert [name for name in SECRETS if name in told] == [absent]
    # what needs it
    assert f"{absent} has no value ({absent.removeprefix('vault_')} is set to it)" in told
    assert f".venv/bin/ansible-vault edit {production.vault}" in told


def test_a_misspelt_secret_is_named_with_what_may_be_meant(production):
    secrets, misspelt = dict(FILLED), f"vault_{ONE[:-2]}{ONE[-1]}{ONE[-2]}"
    secrets[misspelt] = secrets.pop(f"vault_{ONE}")
    production.keep(secrets)
    told = refused(production.play("smoke.yml"))
    assert f"vault_{ONE} has no value ({ONE} is set to it); is {misspelt} meant?" in told


@pytest.mark.patient
def test_of_several_hosts_the_one_without_a_secret_is_named(production):
    production.hosts("b.example.org", "a.example.org")
    production.keep({**FILLED})
    (production.folder / "host_vars").mkdir()
    (production.folder / "host_vars" / "a.example.org.yml").write_text(
        f"alerts_smtp_password: '{{{{ vault_mail }}}}{{{{ vault_{ONE} }}}}'\n"
    )
    told = refused(production.play("smoke.yml"))
    assert "vault_mail has no value for a.example.org (alerts_smtp_password is set to it)" in told
    assert "b.example.org" not in told
    assert f"vault_{ONE}" not in told


@pytest.mark.patient
def test_a_sudo_password_is_missed_before_the_host_is_asked(production):
    production.keep(FILLED)
    (production.vault.parent / "sudo.yml").write_text("ansible_become_password: '{{ vault_sudo }}'\n")
    for playbook in ("smoke.yml", "remove.yml"):
        assert "vault_sudo has no value (ansible_become_password" in refused(production.play(playbook))


@pytest.mark.patient
def test_what_has_another_value_is_not_missed(production):
    production.keep({**FILLED, "vault_other": f"{{{{ vault_{ONE} }}}}"})
    more = {"team": "{{ vault_none | default('x') }}", "words": "no {{ 1 }} template of vault_prose"}
    (production.vault.parent / "more.yml").write_text(yaml.safe_dump(more))
    done = production.play("smoke.yml")
    assert "▸" in done.stdout
    assert "vault" not in one_line(done.stderr)


@pytest.mark.patient
def test_extra_variables_serve_as_secrets(production):
    words = [word for name in SECRETS for word in ("-e", f"{name}=x")]
    assert "▸" in production.play("smoke.yml", *words).stdout


def test_an_open_vault_is_refused_unless_a_setting_allows_it(production):
    production.keep(FILLED, encrypted=False)
    told = refused(production.play("smoke.yml"))
    assert f"{production.vault} is not encrypted" in told
    assert f".venv/bin/ansible-vault encrypt {production.vault}" in told
    assert "zakaz_allow_unencrypted_vault" in told
    assert "filled" not in told
    assert "▸" in production.play("smoke.yml", "-e", "zakaz_allow_unencrypted_vault=true").stdout
    refused(production.play("smoke.yml", "-e", "zakaz_allow_unencrypted_vault=false"))
    assert "▸" in production.play("history.yml").stdout


def test_an_encrypted_vault_goes_on(production):
    production.keep(FILLED)
    assert "▸" in production.play("smoke.yml").stdout


@pytest.mark.patient
def test_open_secrets_of_other_files_are_found(production):
    production.keep(FILLED)
    (production.folder / "host_vars" / "a.example.org").mkdir(parents=True)
    (production.folder / "host_vars" / "a.example.org" / "own.yaml").write_text("vault_mail: hunter2\n")
    assert "host_vars/a.example.org/own.yaml is not encrypted: vault_mail" in refused(production.play("smoke.yml"))


ENCRYPTED = "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", []),
        ("vault_a: s3cret\nvault_b: 12\nclickhouse_admin_password: no vault\n", ["vault_a", "vault_b"]),
        (f"vault_a: {ENCRYPTED}", []),
        (f"vault_a: {ENCRYPTED}vault_b: open\n", ["vault_b"]),
        ("vault_a: ''\nvault_b:\n", []),
        ("vault_a: \"{{ lookup('file', '/run/a') }}\"\n", []),
        ('vault_a: !unsafe "{{ it is"\n', ["vault_a"]),
        ("vault_a: [x]\nvault_b: {c: x}\nvault_c: []\n", ["vault_a", "vault_b"]),
        ("zakaz: {hosts: {a: {vault_a: x}}}\n", ["vault_a"]),
        ("not: [closed\n", []),
        ("", []),
        ("- vault_a\n", []),
    ],
)
def test_what_lies_open(text, names):
    assert open_secrets(text) == names


# git


@pytest.fixture
def clone(tmp_path):
    """A repository with the project's rules on what git keeps."""
    folder = tmp_path / "clone"
    shutil.copytree(REPOSITORY / "inventories", folder / "inventories", ignore=shutil.ignore_patterns("vault.yml"))
    shutil.copy(REPOSITORY / ".gitignore", folder)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


@pytest.mark.parametrize("place", ["production/group_vars/zakaz", "staging/host_vars/a.example.org", "mine"])
@pytest.mark.parametrize("name", ["vault.yml", "vault.yaml"])
def test_git_passes_over_a_vault(clone, place, name):
    (clone / "inventories" / place).mkdir(parents=True, exist_ok=True)
    (clone / "inventories" / place / name).write_text("vault_a: x\n")
    subprocess.run(["git", "-C", clone, "add", "--all"], check=True)
    staged = subprocess.run(["git", "-C", clone, "ls-files"], check=True, capture_output=True, text=True).stdout
    assert "production/hosts.yml" in staged
    assert f"{place}/{name}\n" not in staged


def test_the_scan_before_a_commit_refuses_an_open_vault_alone(production):
    scan = [sys.executable, REPOSITORY / "scripts" / "find_open_vaults.py"]
    production.keep(FILLED)
    done = subprocess.run([*scan, production.vault, GROUP / "main.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    production.keep(FILLED, encrypted=False)
    done = subprocess.run([*scan, production.vault, GROUP / "main.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{production.vault} is not encrypted" in done.stderr
    assert "filled" not in done.stdout + done.stderr


def test_the_scan_is_part_of_the_hooks_and_of_the_pipelines_secrets_scan():
    assert "scripts/find_open_vaults.py" in (REPOSITORY / "scripts" / "scan_secrets.sh").read_text(encoding="utf-8")
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert any("scripts/find_open_vaults.py" in hook["entry"] for hook in hooks)
