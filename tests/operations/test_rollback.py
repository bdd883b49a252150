"""A rollback deploys the previous commit again: its images and its settings, with the secrets of now."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import REPOSITORY
from tests.operations.conftest import NAME, SETTINGS, Deployment
from tests.sources import ADVERTISING, SALES, unit_of, whole_number_of

pytestmark = [pytest.mark.deploy, pytest.mark.slow]
# a default that another commit has otherwise, and a setting of the operator's own
DEFAULT, OWN = whole_number_of(SALES), whole_number_of(ADVERTISING)
EXTRA = [word for setting in SETTINGS for word in ("-e", setting)]


class Clone:
    """A clone whose commits are deployed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("clone", "--quiet", str(REPOSITORY), str(path))
        (path / ".git/info/exclude").write_text("/.venv\n/more.yml\n")
        (path / ".venv").symlink_to((REPOSITORY / ".venv").resolve())

    def git(self, *arguments: str) -> str:
        command = ["git", *(["-C", str(self.path)] if self.path.exists() else []), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self) -> str:
        identity = ("-c", "user.name=operator", "-c", "user.email=operator@example.org")
        self.git(*identity, "commit", "--quiet", "--all", "--message", "Change")
        return self.git("rev-parse", "HEAD")

    def run(self, *command: str) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [*command, *EXTRA], cwd=self.path, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}
        )
        print(done.stdout[-2000:])
        return done

    def deploy(self) -> None:
        done = self.run(".venv/bin/ansible-playbook", "-i", "inventories/ci", "playbooks/site.yml")
        assert done.returncode == 0, done.stdout[-2000:]


@pytest.fixture(scope="module")
def clone(deployed: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    yield Clone(tmp_path_factory.mktemp("rollback") / "clone")
    deployed.succeed("site")


def state(deployed: Deployment) -> tuple[str, str]:
    """The loaders' setting and image that differ between the two commits."""
    host = deployed.folder / "host"
    settings = (host / f"{SALES}.env").read_text().splitlines()
    command = (host / unit_of(ADVERTISING, NAME)).read_text()
    (image,) = (word for word in command.split() if word.startswith(f"zakaz/{unit_of(ADVERTISING).partition('-')[2]}:"))
    return next(line for line in settings if line.startswith(f"{DEFAULT['environment']}=")), image


def test_the_previous_commit_comes_back_and_the_data_stays(deployed: Deployment, clone: Clone) -> None:
    first = clone.git("rev-parse", "HEAD")
    # what git does not have, as a Vault of one's own
    own = clone.path / "inventories/ci/group_vars/zakaz/own.yml"
    own.parent.mkdir(parents=True)
    own.write_text(f"{ADVERTISING}_environment: {{{OWN['environment']}: 6}}\n")
    clone.deploy()
    before, content = state(deployed), deployed.content()

    source, default = clone.path / "integrations" / SALES / "source.yml", f"    default: {DEFAULT['default']}\n"
    source.write_text(source.read_text().replace(default, default.replace(": ", ": 1")))
    with (clone.path / "integrations" / ADVERTISING / "src" / ADVERTISING / "__init__.py").open("a") as file:
        file.write("# another image\n")
    second = clone.commit()
    clone.deploy()
    after = state(deployed)
    assert after[0] != before[0]
    assert after[1] != before[1]

    # arguments name files from where the command is given
    (clone.path / "more.yml").write_text(f"{ADVERTISING}_schedule: '*:20/30'\n")
    done = clone.run("scripts/rollback.sh", "ci", "", "-e", "@more.yml")
    assert done.returncode == 0, done.stdout[-2000:]
    assert state(deployed) == before
    assert deployed.content() == content
    assert f"{OWN['environment']}=6\n" in (deployed.folder / f"host/{ADVERTISING}.env").read_text()
    trail = [json.loads(line) for line in (deployed.folder / "host/history.jsonl").read_text().splitlines()]
    begun = [line for line in trail if line["event"] == "begun"][-1]
    assert (begun["verb"], begun["commit"], begun["dirty"]) == ("rollback", first, False)
    # nothing of it stays in the clone
    assert clone.git("rev-parse", "HEAD") == second
    assert len(clone.git("worktree", "list").splitlines()) == 1


def test_a_commit_that_was_never_deployed_is_refused(clone: Clone) -> None:
    refused = clone.run("scripts/rollback.sh", "ci", "f00f00")
    assert refused.returncode != 0
    assert "No deployment of f00f00 succeeded" in refused.stdout
