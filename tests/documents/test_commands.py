"""The documents' shell blocks, run in order on a clean clone; each exception has its reason beside it.

The clone's local deployment gets a name and ports of its own, so that one of yours is left alone: the only changes to
what a reader would paste. A line that ends with `# fails: …` must fail.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.documents.markdown import Block, documents, shell_blocks
from tests.makefile import REPOSITORY

pytestmark = pytest.mark.deploy

NAME = "zakaz-docs"
PORTS = {"8123": "38123", "8090": "38090", "8081": "38081"}
# the README deploys, so it goes first; what it removes goes last
FIRST = REPOSITORY / "README.md"


def ordered() -> list[Block]:
    """Blocks to run: the README's, the other documents', then whatever removes."""
    paths = [FIRST, *(path for path in documents() if path != FIRST)]
    blocks = [block for path in paths for block in shell_blocks(path) if block.skipped is None]
    return sorted(blocks, key=lambda block: "make remove" in block.text)


def adapted(text: str) -> str:
    """The block for the clone's own deployment, with lines that must fail turned round."""
    for port, own in PORTS.items():
        text = text.replace(f":{port}", f":{own}")
    text = text.replace("/local/zakaz/", f"/local/{NAME}/").replace("~/.local/share/", "$XDG_DATA_HOME/")
    lines = []
    for line in text.splitlines():
        command, mark, _ = line.partition("# fails")
        lines.append(f"if {command.rstrip()}; then echo 'this was to fail'; exit 1; fi" if mark else line)
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory):
    """A clean clone of HEAD, and the environment of its commands."""
    folder = tmp_path_factory.mktemp("documents") / "zakaz-dashboard"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, folder], check=True)
    inventory = folder / "inventories/local/hosts.yml"
    inventory.write_text(
        inventory.read_text(encoding="utf-8").rstrip("\n")
        + f"\n    zakaz_name: {NAME}\n    clickhouse_http_port: {PORTS['8123']}\n"
        + f"    api_sandbox_port: {PORTS['8090']}\n    api_sandbox_orders: 1500\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "XDG_DATA_HOME": str(folder.parent / "data"), "NO_COLOR": "1"}
    for name in ("MAKEFLAGS", "MAKELEVEL", "COVERAGE_FILE", "COVERAGE_RCFILE", "COVERAGE_ROOT", "VIRTUAL_ENV"):
        environment.pop(name, None)
    yield folder, environment
    subprocess.run(["make", "remove", "CONFIRM=yes"], cwd=folder, env=environment, check=False, capture_output=True)


def name_of(block: Block) -> str:
    return f"{block.path.relative_to(REPOSITORY)}:{block.line}"


@pytest.mark.parametrize("block", ordered(), ids=name_of)
def test_block_runs(clone: tuple[Path, dict[str, str]], block: Block):
    folder, environment = clone
    print(f"\n$ {block.text.strip()}", flush=True)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", adapted(block.text)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, flush=True)
    assert done.returncode == 0, f"{name_of(block)} ended with {done.returncode}"
    assert "Traceback" not in done.stdout
