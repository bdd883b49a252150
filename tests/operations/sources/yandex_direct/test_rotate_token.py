"""A token of Yandex Direct that is revoked, and one that is changed while loaders run and run."""

from __future__ import annotations

import pytest

from tests.operations.conftest import Deployment, change_season, failed, left_behind, loader
from tests.sources import SOURCES

pytestmark = pytest.mark.deploy
FIRST = SOURCES["yandex_direct"]["settings"]["token"]["simulated"]
SETTINGS = ("rotate_what=yandex_direct_token", "yandex_direct_token=second-token")


def test_a_revoked_token_is_told_with_what_mends_it(deployed: Deployment) -> None:
    change_season("revoke_yandex_direct_tokens")
    done = loader(deployed, "run", "yandex_direct")
    assert done.returncode == 78
    assert "must sign in again" in done.stdout and "YANDEX_DIRECT_TOKEN" in done.stdout
    told = deployed.play("status")
    assert told.code != 0
    line = next(line for line in told.output.splitlines() if " yandex_direct " in line)
    assert "53" in line and "sign in again" in line and "docs/operations/loader-failed.md" in line
    change_season("restore_yandex_direct_tokens")
    assert loader(deployed, "run", "yandex_direct").returncode == 0
    assert deployed.play("status").code == 0


def test_its_token_changes_under_its_runs(deployed: Deployment, running_loaders: list) -> None:
    change_season("add_yandex_direct_token", token="second-token")
    unrevoked = deployed.play("rotate", *SETTINGS)
    assert unrevoked.code != 0
    assert "the source still accepts the old one" in " ".join(unrevoked.output.split())
    change_season("remove_yandex_direct_token", token=FIRST)
    deployed.succeed("rotate", *SETTINGS)
    assert "YANDEX_DIRECT_TOKEN=second-token\n" in (deployed.folder / "host" / "yandex_direct.env").read_text()
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    # and back to the one of the inventory
    change_season("add_yandex_direct_token", token=FIRST)
    change_season("remove_yandex_direct_token", token="second-token")
    deployed.succeed("rotate", "rotate_what=yandex_direct_token")
    assert loader(deployed, "check", "yandex_direct").returncode == 0
