"""An operator's desk: a clone, an inventory of one's own, a Vault, and `make`; and a place that hears alerts."""

from __future__ import annotations

import http.server
import json
import os
import re
import secrets
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from sources import ENABLED, SOURCES, required_secrets

REPOSITORY = Path(__file__).resolve().parents[3]
EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
SERVER, FRESH, APIS = "zakaz-molecule-production", "zakaz-molecule-fresh", "zakaz-molecule-apis"
INVENTORY = "company"
SSH = (
    f"-i {EPHEMERAL}/operator_key -o UserKnownHostsFile={EPHEMERAL}/known_hosts -o StrictHostKeyChecking=accept-new "
    "-o IdentitiesOnly=yes -o ConnectTimeout=20"
)


def secrets_of_the_cabinets() -> dict[str, str]:
    """By their names in the Vault, what the simulator was told to accept when prepare.yml started it."""
    plays = yaml.safe_load((Path(__file__).parents[1] / "prepare.yml").read_text(encoding="utf-8"))
    (accepted,) = (
        task["community.docker.docker_container"]["env"]
        for play in plays
        for task in play.get("post_tasks", [])
        if "community.docker.docker_container" in task
    )
    return {
        # by the setting of the simulator that it names, or what every simulator accepts
        f"vault_{source}_{key}": accepted.get(setting["simulated"].strip("{ }").upper(), setting["simulated"])
        for source in ENABLED
        for key, setting in SOURCES[source]["settings"].items()
        if f"{source}_{key}" in required_secrets(source)
    }


SECRETS_OF_THE_CABINETS = secrets_of_the_cabinets()


def address(container: str) -> str:
    """The address other machines reach it by."""
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return run("docker", "inspect", "--format", template, container)


def gateway(container: str) -> str:
    """The address at which a server reaches this machine."""
    template = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
    return run("docker", "inspect", "--format", template, container)


def run(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout.strip()


@dataclass
class Typed:
    """A verb that was typed: its exit code, what it said, and how long it took."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> int:
        """The sum of `changed=` over the hosts of the recap."""
        counts = re.findall(r"\bchanged=(\d+)", self.output)
        assert counts, self.output[-2000:]
        return sum(map(int, counts))


@dataclass
class Desk:
    """Where the operator types; each verb is noted for the report."""

    folder: Path
    typed: list[dict] = field(default_factory=list)

    @property
    def inventory(self) -> Path:
        return self.folder / "inventories" / INVENTORY

    @property
    def environment(self) -> dict[str, str]:
        """As a login shell has it: nothing of Molecule, which sets Ansible's own paths for its scenario."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("ANSIBLE_", "MOLECULE_", "MAKE", "MFLAGS"))
        }
        return kept | {
            "NO_COLOR": "1",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(EPHEMERAL / "vault-password"),
            "XDG_DATA_HOME": str(EPHEMERAL / "operator-data"),
        }  # fmt: skip

    def make(self, words: str, expect: int | None = 0, inventory: str = INVENTORY) -> Typed:
        """Type `make` with these words; `expect` is the exit code, None for any failure."""
        line = f"make {words} INVENTORY={inventory}"
        print(f"\n$ {line}", flush=True)
        started = time.monotonic()
        process = subprocess.Popen(
            shlex.split(line), cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        lines = []
        for text in process.stdout or ():
            print(text, end="", flush=True)
            lines.append(text)
        done = Typed(process.wait(), "".join(lines), time.monotonic() - started)
        self.typed.append({"verb": line, "code": done.code, "seconds": round(done.seconds, 1)})
        (REPOSITORY / "reports").mkdir(exist_ok=True)
        (REPOSITORY / "reports/production.json").write_text(json.dumps(self.typed, indent=1) + "\n", encoding="utf-8")
        good = done.code == expect if expect is not None else done.code != 0
        assert good, f"{line}: exit code {done.code}\n{done.output[-6000:]}"
        return done

    def ssh(self, command: str, server: str = SERVER, check: bool = True) -> str:
        """Run a command as the operator on a server."""
        done = subprocess.run(
            ["ssh", *shlex.split(SSH), f"deploy@{address(server)}", command], capture_output=True, text=True
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return (done.stdout + ("" if check else done.stderr)).strip()

    def ask(self, sql: str, server: str = SERVER, port: int = 8123) -> str:
        """Ask a server's ClickHouse as admin, from the server itself."""
        command = f"python3 -c {shlex.quote(ASK)} {port} {shlex.quote(sql)}"
        done = subprocess.run(
            ["ssh", *shlex.split(SSH), f"deploy@{address(server)}", command],
            input=self.vault()["vault_clickhouse_admin_password"], capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def vault(self) -> dict[str, str]:
        """What the Vault holds."""
        text = run(
            ".venv/bin/ansible-vault", "view", "--vault-password-file", str(EPHEMERAL / "vault-password"),
            str(self.inventory / "group_vars/zakaz/vault.yml"), cwd=self.folder,
        )  # fmt: skip
        return dict(re.findall(r'^(vault_\w+): "(.*)"$', text, flags=re.MULTILINE))

    def lock(self, values: dict[str, str], inventory: str = INVENTORY) -> None:
        """Write the Vault, encrypted."""
        file = self.folder / "inventories" / inventory / "group_vars/zakaz/vault.yml"
        file.write_text("".join(f'{name}: "{value}"\n' for name, value in values.items()), encoding="utf-8")
        run(
            ".venv/bin/ansible-vault", "encrypt", "--vault-password-file", str(EPHEMERAL / "vault-password"),
            str(file), cwd=self.folder,
        )  # fmt: skip

    def commit(self, file: str, more: str) -> str:
        """Add lines to a file of the clone and commit it."""
        with (self.folder / file).open("a", encoding="utf-8") as text:
            text.write(more)
        identity = ("-c", "user.name=operator", "-c", "user.email=operator@example.org")
        run("git", *identity, "commit", "--quiet", "--all", "--message", f"Change {file}", cwd=self.folder)
        return run("git", "rev-parse", "HEAD", cwd=self.folder)

    def edit_vault(self, **values: str) -> None:
        self.lock(self.vault() | values)

    def copy_inventory(self, name: str, server: str, settings: dict[str, str]) -> None:
        """Copy inventories/production as the README says, and edit it."""
        folder = self.folder / "inventories" / name
        run("cp", "-r", str(self.folder / "inventories/production"), str(folder))
        hosts = folder / "hosts.yml"
        text = hosts.read_text(encoding="utf-8")
        assert "dashboard.example.org" in text
        hosts.write_text(text.replace("dashboard.example.org", server), encoding="utf-8")
        lines = {
            "ansible_host": address(server),
            "ansible_ssh_common_args": SSH,
        } | settings
        with (folder / "group_vars/zakaz/main.yml").open("a", encoding="utf-8") as file:
            file.writelines(f"{key}: {json.dumps(value)}\n" for key, value in lines.items())


ASK = """
import sys, urllib.request as r
h = {'X-ClickHouse-User': 'admin', 'X-ClickHouse-Key': sys.stdin.read().strip()}
asked = r.Request(f'http://127.0.0.1:{sys.argv[1]}/', data=sys.argv[2].encode(), headers=h)
print(r.urlopen(asked).read().decode(), end='')
"""


@dataclass
class Sink:
    """What people heard."""

    url: str
    messages: list[dict] = field(default_factory=list)

    def wait(self, seconds: int = 60, **wanted: str) -> dict:
        """The first message with these values, or the test fails."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for message in self.messages:
                if all(str(value) in str(message.get(key, "")) for key, value in wanted.items()):
                    return message
            time.sleep(0.5)
        raise AssertionError(f"nobody heard of {wanted}; heard: {self.messages}")


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    """A webhook beside the servers."""
    heard = Sink("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            """Stay quiet."""

    server = http.server.ThreadingHTTPServer((gateway(SERVER), 18098), Handler)
    heard.url = f"http://{server.server_address[0]}:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard
    server.shutdown()


@pytest.fixture(scope="session")
def desk(sink: Sink) -> Desk:
    """A clone of what is here, with an inventory and a Vault as the README tells to make them."""
    folder = EPHEMERAL / "operator"
    desk = Desk(folder)
    if folder.exists():  # verified once more, on servers that know their passwords
        run("git", "fetch", "--quiet", cwd=folder)
        run("git", "reset", "--quiet", "--hard", "@{upstream}", cwd=folder)
    else:
        run("git", "clone", "--quiet", str(REPOSITORY), str(folder))
    carry_over_changes(folder)
    if desk.inventory.exists():
        return desk
    (folder / ".git/info/exclude").write_text("/.venv\n")
    (folder / ".venv").symlink_to((REPOSITORY / ".venv").resolve())
    (EPHEMERAL / "vault-password").write_text(secrets.token_hex(16))
    desk.copy_inventory(INVENTORY, SERVER, settings(sink))
    desk.make("vault")
    desk.edit_vault(**SECRETS_OF_THE_CABINETS)
    return desk


def settings(sink: Sink) -> dict[str, object]:
    """What this company sets beside production's own: no registry, the APIs elsewhere, timers that come soon."""
    apis = f"http://{address(APIS)}:8080"
    found = {
        "clickhouse_image": "embedded",
        "alerts_webhook_url": sink.url,
        "alerts_retry_delays": [1],
    }
    for number, source in enumerate(ENABLED):
        found[f"{source}_schedule"] = f"*:{2 * number % 4}/4"
        for key, setting in SOURCES[source]["settings"].items():
            if "simulated" in setting and not setting.get("secret"):
                value = setting["simulated"]
                found[f"{source}_{key}"] = (
                    value.replace("http://api-sandbox:8080", apis) if isinstance(value, str) else value
                )
    return found


def carry_over_changes(folder: Path) -> None:
    """Commit in the clone what is not committed here, so that a scenario proves what one sees."""
    changes = subprocess.run(
        ["git", "diff", "HEAD", "--binary"], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout  # fmt: skip
    if changes:
        subprocess.run(["git", "apply", "--index"], cwd=folder, input=changes, check=True)
        identity = ("-c", "user.name=operator", "-c", "user.email=operator@example.org")
        run("git", *identity, "commit", "--quiet", "--message", "What is not committed", cwd=folder)
