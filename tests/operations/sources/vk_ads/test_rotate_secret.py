"""Rotation of the secret of an API client of VK, while loaders run and run."""

from __future__ import annotations

import pytest

from tests.operations.conftest import Deployment, change_season, failed, left_behind, loader

pytestmark = pytest.mark.deploy


def test_secret_of_vk_changes_under_its_runs(deployed: Deployment, running_loaders: list) -> None:
    change_season("change_vk_secret", token="second-secret")
    deployed.succeed("rotate", "rotate_what=vk_secret", "vk_ads_client_secret=second-secret")
    environment = (deployed.folder / "host" / "vk_ads.env").read_text()
    assert "VK_ADS_CLIENT_SECRET=second-secret\n" in environment
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    # and back to the one of the inventory
    change_season("change_vk_secret", token="sandbox-vk-secret")
    deployed.succeed("rotate", "rotate_what=vk_secret")
    assert loader(deployed, "check", "vk_ads").returncode == 0
