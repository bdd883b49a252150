"""A deployment of this machine under its own name and ports (inventories/ci), driven as an operator would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sources import ENABLED, SOURCES, services_on

REPOSITORY = Path(__file__).parents[2]
NAME = "zakaz-ci"
CLICKHOUSE = "http://127.0.0.1:18123"
SANDBOX = "http://127.0.0.1:18090"
BIN = Path(sys.executable).parent
# what sources run beside their loaders, which an inventory has to turn on; settings of a test come after it
SERVICES = json.dumps(services_on(18081))


@dataclass
class Play:
    """One run of a playbook: its exit code, output and the counts of its recap."""

    code: int
    output: str
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """The recap of localhost: ok, changed, failed."""
        (line,) = re.findall(r"^localhost: (.*)$", self.output, re.MULTILINE)
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


def play(playbook: str, *extra: str, flags: tuple[str, ...] = ()) -> Play:
    """Run a playbook on inventories/ci, showing its output as it goes."""
    started = time.monotonic()
    command = [str(BIN / "ansible-playbook"), "-i", "inventories/ci", f"playbooks/{playbook}.yml", *flags]
    for setting in (SERVICES, *extra):
        command += ["-e", setting]
    print(f"\n$ {' '.join(command)}", flush=True)
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
    )
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    return Play(process.wait(), "".join(lines), time.monotonic() - started)


def docker(*arguments: str) -> str:
    """Run docker and return what it prints."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def controller_dir() -> Path:
    """Where the deployment under test keeps what is the controller's, and here, the host's."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return data / "zakaz-dashboard" / "ci" / NAME


def secret(name: str) -> str:
    """Return a generated password of the deployment under test."""
    return (controller_dir() / "secrets" / name).read_text().strip()


def trail() -> list[dict]:
    """The lines of the deployment's history."""
    return [json.loads(line) for line in (controller_dir() / "host" / "history.jsonl").read_text().splitlines()]


def ask(query: str, user: str | None = "bi_reader", password: str | None = None) -> tuple[int, str]:
    """Ask ClickHouse over HTTP as a BI tool does; return the status and the body."""
    request = urllib.request.Request(CLICKHOUSE + "/", data=query.encode())
    if user:
        request.add_header("X-ClickHouse-User", user)
        request.add_header("X-ClickHouse-Key", password or secret(f"clickhouse_{user}"))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def rows(query: str, user: str = "bi_reader") -> list[dict]:
    """Return the rows of a query as dictionaries; 64-bit integers and decimals as strings."""
    status, body = ask(
        f"{query} SETTINGS output_format_json_quote_decimals=1, output_format_json_quote_64bit_integers=1 FORMAT JSON",
        user,
    )
    assert status == 200, body
    return json.loads(body)["data"]


def truth() -> list[dict]:
    """What the simulator itself says sales, and spend of the deployment's sources, by day and city were."""
    loaded = ",".join(name for name in ENABLED if SOURCES[name]["kind"] == "advertising")
    with urllib.request.urlopen(f"{SANDBOX}/truth/roi.json?advertising={loaded}", timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def deployed():
    """The first deployment of the session; removed with its data at the end."""
    play("remove", "remove_data=true")
    yield play("site")
    play("remove", "remove_data=true")
