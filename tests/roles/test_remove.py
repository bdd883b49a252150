"""What a removal takes from the host, and what it says that it leaves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY

# an engine with one volume of the deployment, an image of ours and one of somebody else's builds
DOCKER = """#!/bin/sh
case "$1 $2 $*" in
    'volume ls '*deployment=gone*) echo gone-clickhouse-data ;;
    'volume rm '*) echo "$3" ;;
    'images --filter '*) printf 'zakaz/ad-network:1\\nother/base:1\\n' ;;
esac
"""


@pytest.fixture
def host(tmp_path, monkeypatch) -> Path:
    for folder in ("bin", "gone", "gone-backups", "textfile"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "docker").write_text(DOCKER)
    (tmp_path / "bin" / "docker").chmod(0o755)
    (tmp_path / "gone" / "target-requirements.txt").write_text("")
    (tmp_path / "gone-backups" / ".zakaz-backups").write_text("gone\n")
    (tmp_path / "gone-backups" / "gone-20261128T000000Z").mkdir()
    for name in ("gone.prom", ".gone.prom.x7k2.draft", "other.prom", "gone2.prom"):
        (tmp_path / "textfile" / name).write_text("zakaz_up 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def remove(host: Path, data: str, metrics: str = "textfile/gone.prom", name: str = "gone") -> str:
    script = REPOSITORY / "roles" / "remove" / "files" / "remove.sh"
    paths = [str(host / name), data, str(host / f"{name}-backups"), str(host / metrics) if metrics else "", "zakaz"]
    return subprocess.run(["sh", script, name, *paths], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("data", ["keep-data", "with-data"])
def test_its_metrics_go_and_those_of_others_stay(host, data):
    told = remove(host, data)
    assert sorted(path.name for path in (host / "textfile").iterdir()) == ["gone2.prom", "other.prom"]
    assert f"removed {host}/textfile/gone.prom" in told
    assert not (host / "gone").exists()


def test_without_a_collector_nothing_is_looked_for(host):
    remove(host, "keep-data", metrics="")
    assert len(list((host / "textfile").iterdir())) == 4


def test_what_is_left_is_named_with_the_command_that_removes_it(host):
    told = remove(host, "keep-data")
    assert "kept data: volume gone-clickhouse-data (docker volume rm gone-clickhouse-data" in told
    assert f"kept backups: {host}/gone-backups (rm -r {host}/gone-backups)" in told
    told = remove(host, "with-data")
    assert "removed volume gone-clickhouse-data" in told
    assert f"kept backups: {host}/gone-backups" in told
    assert (host / "gone-backups" / ".zakaz-backups").exists()


def test_images_of_other_prefixes_stay(host):
    told = remove(host, "keep-data")
    assert "removed image zakaz/ad-network:1" in told
    assert "other/base:1" not in told


def test_a_name_that_is_not_here_costs_no_image(host):
    told = remove(host, "with-data", metrics="", name="gnoe")
    assert told == "nothing of gnoe is on this host\n"


def test_no_loader_can_be_started_by_hand_once_containers_are_removed(host):
    command, settings = host / "gone" / "gone-ad-network", host / "gone" / "ad_network.env"
    command.touch()
    settings.touch()
    docker = host / "bin" / "docker"
    docker.write_text(DOCKER + f'case "$1" in ps) ls {host}/gone >{host}/seen ;; esac\n')
    remove(host, "keep-data")
    assert (host / "seen").read_text().split() == ["ad_network.env", "target-requirements.txt"]


@pytest.mark.parametrize(("data", "stays"), [("with-data", False), ("keep-data", True)])
def test_a_folder_that_holds_no_backup_goes_with_the_data(host, data, stays):
    (host / "gone-backups" / "gone-20261128T000000Z").rmdir()
    remove(host, data)
    assert (host / "gone-backups").exists() == stays
