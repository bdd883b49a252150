"""A folder that carries another deployment's name is refused by every verb, before anything is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY
from tests.roles.environment import make_environment
from tests.sources import ADVERTISING, SOURCES

pytestmark = pytest.mark.patient

BIN = Path(sys.executable).parent
# images.yml builds beside deployments, in a folder of its own
PLAYBOOKS = sorted(path.stem for path in (REPOSITORY / "playbooks").glob("*.yml") if path.stem != "images")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def play(playbook: str, folder: Path, *flags: str, **settings: object) -> subprocess.CompletedProcess[str]:
    settings = {
        "zakaz_name": "second", "zakaz_dir": str(folder / "host"), "zakaz_controller_dir": str(folder / "controller"),
        "deploy_lock_path": str(folder / "lock"), "loader_import_path": str(folder / "tables"), "remove_data": True,
        "restore_confirm": True, "rotate_what": SOURCES[ADVERTISING]["clickhouse"]["rotates_as"], **settings,
    }  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    command = [str(BIN / "ansible-playbook"), "-i", "inventories/local", f"playbooks/{playbook}.yml", *flags]
    return subprocess.run(
        [*command, "-e", json.dumps(settings)],
        cwd=REPOSITORY, env={**environment, "NO_COLOR": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def taken(tmp_path) -> Path:
    """A host with the folder of a deployment `first`."""
    for part in ("host", "host-backups", "tables"):
        (tmp_path / part).mkdir()
    (tmp_path / "host" / ".zakaz-deployment").write_text("first\n")
    (tmp_path / "host-backups" / ".zakaz-backups").write_text("first\n")
    (tmp_path / "host" / "target-requirements.txt").write_text("")
    make_environment(tmp_path / "host" / "python")
    for name in ("events.csv", "inventory.csv", "sales.csv"):
        (tmp_path / "tables" / name).write_text("a\n")
    return tmp_path


@pytest.mark.parametrize(
    ("playbook", "flags"),
    [*[(playbook, ()) for playbook in PLAYBOOKS], ("site", ("--check", "--diff")), ("site", ("--tags", ADVERTISING))],
)  # fmt: skip
def test_every_verb_refuses_it(taken, playbook, flags):
    file = "plan.csv" if playbook in ("import_plan", "import_city_aliases") else ""
    if file:
        (taken / "tables" / file).write_text("a\n")
    before = everything(taken / "host") | everything(taken / "host-backups")
    done = play(playbook, taken, *flags, loader_import_path=str(taken / "tables" / file))
    assert done.returncode != 0, done.stdout
    assert f"zakaz_dir={taken}/host belongs to the deployment first" in done.stdout
    assert "this one is second" in done.stdout
    assert everything(taken / "host") | everything(taken / "host-backups") == before
    assert not (taken / "lock").exists()


def test_a_backup_folder_of_another_is_refused(taken):
    done = play("site", taken, zakaz_dir=str(taken / "own"), backup_dir=str(taken / "host-backups"))
    assert done.returncode != 0
    assert f"backup_dir={taken}/host-backups belongs to the deployment first" in done.stdout
    assert not (taken / "own").exists()


def test_backups_in_the_folder_do_not_go_with_it(taken):
    (taken / "host" / ".zakaz-deployment").write_text("second\n")
    backups = taken / "host" / "backups"
    backups.mkdir()
    before = everything(taken / "host")
    done = play("remove", taken, backup_dir=str(backups))
    assert done.returncode != 0
    assert f"backup_dir={backups} lies in zakaz_dir={taken}/host" in done.stdout
    assert everything(taken / "host") == before
