"""Rotation of what Qtickets gives, while loaders run and run: its token, and the secret of its webhooks."""

from __future__ import annotations

import hmac
import urllib.error
import urllib.request

import pytest

from tests.operations.conftest import Deployment, change_season, failed, host_files, left_behind, loader, status
from tests.sources import services_on

pytestmark = pytest.mark.deploy
SETTINGS = services_on(18191)
WEBHOOKS = f"http://127.0.0.1:{SETTINGS['qtickets_api_webhook_port']}/"


def test_token_that_the_source_refuses_changes_nothing(deployed: Deployment, running_loaders: list) -> None:
    environment = (deployed.folder / "host" / "qtickets_api.env").read_text()
    refused = deployed.play("rotate", "rotate_what=qtickets_token", "qtickets_api_token=made-up-token")
    assert refused.code != 0
    assert "does not accept the new qtickets_api_token" in refused.output
    assert "made-up-token" not in refused.output
    assert (deployed.folder / "host" / "qtickets_api.env").read_text() == environment
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []


def test_token_changes_and_the_old_one_has_to_be_revoked(deployed: Deployment, running_loaders: list) -> None:
    settings = ("rotate_what=qtickets_token", "qtickets_api_token=second-token")
    change_season("add_qtickets_token", token="second-token")
    unrevoked = deployed.play("rotate", *settings)
    assert unrevoked.code != 0
    assert "the source still accepts the old one" in unrevoked.output
    assert "QTICKETS_TOKEN=second-token\n" in (deployed.folder / "host" / "qtickets_api.env").read_text()
    change_season("remove_qtickets_token", token="sandbox-qtickets-token")
    deployed.succeed("rotate", *settings)
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    # and back to the one of the inventory
    change_season("add_qtickets_token", token="sandbox-qtickets-token")
    change_season("remove_qtickets_token", token="second-token")
    deployed.succeed("rotate", "rotate_what=qtickets_token")
    assert loader(deployed, "check", "qtickets_api").returncode == 0


def test_a_failure_puts_all_of_the_named_back(deployed: Deployment, running_loaders: list) -> None:
    """The password is changed when the source refuses the token."""
    before, old = host_files(deployed), deployed.secret("loader_qtickets")
    refused = deployed.play(
        "rotate", "rotate_what=qtickets_token,clickhouse_qtickets", "qtickets_api_token=made-up-token"
    )
    assert refused.code != 0
    assert "does not accept the new qtickets_api_token" in " ".join(refused.output.split())
    assert host_files(deployed) == before
    assert deployed.secret("loader_qtickets") == old
    assert status(deployed, "loader_qtickets", old) == 200
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    assert deployed.succeed("site").counts["changed"] == 0


def test_a_token_and_a_password_of_its_loader_change_together(deployed: Deployment, running_loaders: list) -> None:
    old, settings = deployed.secret("loader_qtickets"), ("qtickets_api_token=second-token",)
    change_season("add_qtickets_token", token="second-token")
    unrevoked = deployed.play("rotate", "rotate_what=clickhouse_qtickets,qtickets_token", *settings)
    assert "the source still accepts the old one" in " ".join(unrevoked.output.split())
    new = deployed.secret("loader_qtickets")
    assert status(deployed, "loader_qtickets", old) in (401, 403)
    change_season("remove_qtickets_token", token="sandbox-qtickets-token")
    deployed.succeed("rotate", "rotate_what=qtickets_token,clickhouse_qtickets", *settings)
    # the end was proved, and nothing changed once more
    assert deployed.secret("loader_qtickets") == new
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    change_season("add_qtickets_token", token="sandbox-qtickets-token")
    change_season("remove_qtickets_token", token="second-token")
    deployed.succeed("rotate", "rotate_what=qtickets_token")


def test_secret_of_webhooks_changes(deployed: Deployment, running_loaders: list) -> None:
    def answer(secret: str) -> int:
        request = urllib.request.Request(WEBHOOKS, data=b"{}", method="POST")
        request.add_header("X-Signature", hmac.new(secret.encode(), b"{}", "sha1").hexdigest())
        request.add_header("X-Model-Name", "Test")
        try:
            with urllib.request.urlopen(request, timeout=10) as taken:
                return taken.status
        except urllib.error.HTTPError as error:
            return error.code

    deployed.succeed("rotate", "rotate_what=qtickets_webhook", "qtickets_api_webhook_secret=second-webhook-secret")
    assert (answer("second-webhook-secret"), answer(SETTINGS["qtickets_api_webhook_secret"])) == (200, 403)
    deployed.succeed("rotate", "rotate_what=qtickets_webhook")
    assert (answer("second-webhook-secret"), answer(SETTINGS["qtickets_api_webhook_secret"])) == (403, 200)
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
