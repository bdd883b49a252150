"""A fresh server without a backup to bring back: told at once, with where to bring it, and nothing installed."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from tests.roles.test_folder_of_another import play

pytestmark = pytest.mark.patient

NAME = "second-20261123T004000Z"


def bring(folder: Path, *, passed: bool | None = True, encrypted: bool = False, name: str = NAME) -> None:
    """A backup as far as its small files go; ``passed`` is the verdict of its drill."""
    backup = folder / "host-backups" / name
    backup.mkdir(parents=True)
    (backup / "SHA256SUMS").write_text("0 clickhouse.tar\n")
    manifest = {
        "name": name, "project": "second", "created_at": "", "commit": "", "engine_version": "26.3", "format": 1,
        "schema_fingerprint": "", "databases": {}, "tables": 0, "rows": 0, "bytes": 0, "encrypted": encrypted,
    }  # fmt: skip
    (backup / "manifest.json").write_text(json.dumps(manifest))
    if passed is not None:
        verdict = {
            "passed": passed, "reason": "", "at": "", "seconds": 1.0, "restore_seconds": 1.0, "engine_version": "26.3",
            "sums": hashlib.sha256((backup / "SHA256SUMS").read_bytes()).hexdigest(),
        }  # fmt: skip
        (backup / "drill.json").write_text(json.dumps(verdict))


def reprovision(folder: Path, **settings: object):
    # where the next step would begin, it fails
    (folder / "no-archive.tar").write_text("")
    settings = {
        "base_image_source": "archive", "base_image_archive": str(folder / "no-archive.tar"),
        "docker_engine_start_timeout": 1, **settings,
    }  # fmt: skip
    return play("reprovision", folder, **settings)


def test_without_a_backup_the_sentence_says_where_to_bring_one(tmp_path):
    started = time.monotonic()
    done = reprovision(tmp_path, ansible_host="fd00::5")
    assert done.returncode != 0
    for words in (
        "@[fd00::5]:",
        "There is no backup of second with a passed drill.", f"backup_dir={tmp_path}/host-backups of localhost",
        "rsync --archive", "sudo", "drill.json", "make reprovision again", "DRILL=yes",
        "nothing was built or started",
    ):  # fmt: skip
        assert words in done.stdout, words
    assert time.monotonic() - started < 60
    assert not list((tmp_path / "host").glob("python*"))
    assert not (tmp_path / "host-backups").exists()


@pytest.mark.parametrize(
    ("brought", "settings", "words"),
    [
        ({"passed": None}, {}, f"Without one: {NAME}"),
        ({"passed": False}, {}, f"Without one: {NAME}"),
        ({"name": "first-20261123T004000Z"}, {}, "other deployments there: first; restore_project"),
        ({"name": "first-20261123T004000Z"}, {"restore_drill": True}, "There is no backup of second."),
        ({}, {"restore_backup": "second-20250101T000000Z"}, "There is no backup second-20250101T000000Z"),
        ({"encrypted": True}, {}, "backup_age_identity is empty"),
    ],
)
def test_a_backup_that_could_not_be_restored_is_named(tmp_path, brought, settings, words):
    bring(tmp_path, **brought)
    done = reprovision(tmp_path, **settings)
    assert done.returncode != 0
    assert words in done.stdout
    assert not list((tmp_path / "host").glob("python*"))


@pytest.mark.parametrize(("passed", "drill"), [(True, False), (None, True)])
def test_a_backup_that_can_be_restored_lets_the_deployment_begin(tmp_path, passed, drill):
    bring(tmp_path, passed=passed)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("no-such-package-here==1 --hash=sha256:00\n")
    done = reprovision(tmp_path, restore_drill=drill, target_python_requirements=str(requirements))
    assert "The Python packages of the deployment cannot be installed" in done.stdout
