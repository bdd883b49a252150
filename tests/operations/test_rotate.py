"""Rotation while a loader runs and runs: no failed run, and the old secret refused.

The tests build on each other and run in the order of the file.
"""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.operations.conftest import NAME, SANDBOX_PORT, Deployment, docker

pytestmark = pytest.mark.deploy
# 0: done; 75: the loader is held, try later
NO_FAILURE = {0, 75}


def status(deployed: Deployment, user: str, password: str) -> int:
    """What ClickHouse answers to a login."""
    try:
        deployed.ask("SELECT 1", user, password)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


def loader(deployed: Deployment, verb: str, name: str = "qtickets-api") -> subprocess.CompletedProcess:
    command = [str(deployed.folder / "host" / f"{NAME}-{name}"), verb]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def change_season(kind: str, **fields: str) -> None:
    """Let the simulated source accept a token, or refuse it."""
    request = urllib.request.Request(f"http://127.0.0.1:{SANDBOX_PORT}/sandbox/mutate", method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, json.dumps([{"kind": kind, **fields}]).encode(), timeout=30) as answer:
        answer.read()


@pytest.fixture
def running_loaders(deployed: Deployment) -> Iterator[list[tuple[int, str]]]:
    """Both loaders, run again and again; the exit codes of their runs and their last lines."""
    stop, runs = threading.Event(), []

    def again(name: str) -> None:
        while not stop.is_set():
            done = loader(deployed, "run", name)
            runs.append((done.returncode, (done.stdout.splitlines() or [""])[-1]))
            stop.wait(0.5)

    threads = [threading.Thread(target=again, args=(name,)) for name in ("qtickets-api", "vk-ads")]
    for thread in threads:
        thread.start()
    yield runs
    stop.set()
    for thread in threads:
        thread.join()


def failed(runs: list[tuple[int, str]]) -> list[tuple[int, str]]:
    assert [code for code, _ in runs].count(0) > 0, "no loader ran"
    return [run for run in runs if run[0] not in NO_FAILURE]


def left_behind(deployed: Deployment) -> list[str]:
    """What a rotation must not leave on host or controller."""
    files = [*deployed.folder.glob("host/before-*"), *deployed.folder.glob("secrets/*.new")]
    return [*map(str, files), *docker("ps", "--all", "--quiet", "--filter", f"name={NAME}-.*-hold").split()]


def test_password_of_a_loader_changes_under_its_runs(deployed: Deployment, running_loaders: list) -> None:
    old = deployed.secret("loader_qtickets")
    rotated = deployed.succeed("rotate", "rotate_what=clickhouse_qtickets")
    new = deployed.secret("loader_qtickets")
    assert new != old
    assert status(deployed, "loader_qtickets", old) in (401, 403)
    assert status(deployed, "loader_qtickets", new) == 200
    assert failed(running_loaders) == []
    assert old not in rotated.output
    assert new not in rotated.output
    assert left_behind(deployed) == []
    # the receiver of webhooks is a user of the same password
    receiver = (deployed.folder / "host" / "qtickets_webhook.env").read_text()
    assert f"CLICKHOUSE_PASSWORD={new}\n" in receiver
    assert f"CLICKHOUSE_PASSWORD={new}" in docker("inspect", "--format", "{{.Config.Env}}", f"{NAME}-qtickets-webhook")


def test_loaders_work_after_it(deployed: Deployment) -> None:
    for name in ("qtickets-api", "vk-ads"):
        assert loader(deployed, "run", name).returncode == 0
        assert loader(deployed, "check", name).returncode == 0


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("clickhouse_bi", "bi_reader"),
        ("clickhouse_backup", "backup"),
        ("clickhouse_watch", "watch"),
        ("clickhouse_admin", "admin"),
    ],
)
def test_password_of_another_user_changes(deployed: Deployment, running_loaders: list, name: str, user: str) -> None:
    old = deployed.secret(user)
    deployed.succeed("rotate", f"rotate_what={name}")
    assert status(deployed, user, old) in (401, 403)
    assert status(deployed, user, deployed.secret(user)) == 200
    assert failed(running_loaders) == []


def test_backups_and_a_deployment_after_it_work_and_nothing_changes(deployed: Deployment) -> None:
    deployed.succeed("backup")
    assert deployed.succeed("site").counts["changed"] == 0


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
    assert loader(deployed, "check").returncode == 0


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
    assert loader(deployed, "check", "vk-ads").returncode == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ((), "make rotate SECRET="),
        (("rotate_what=clickhouse_nobody",), "clickhouse_nobody is not known"),
        (("rotate_what=qtickets_token",), "the one that the loader has already"),
    ],
)
def test_rotation_that_cannot_be_done_says_why(deployed: Deployment, settings: tuple[str, ...], sentence: str) -> None:
    refused = deployed.play("rotate", *settings)
    assert refused.code != 0
    assert sentence in " ".join(refused.output.split())


def test_password_that_does_not_work_leaves_the_old_one(deployed: Deployment) -> None:
    # a proof that fails: the loader's own check
    command = deployed.folder / "host" / f"{NAME}-vk-ads"
    content, old = command.read_text(), deployed.secret("loader_vk")
    command.write_text(content.replace("exec docker", 'test "$1" != check || exit 69\nexec docker'))
    try:
        assert deployed.play("rotate", "rotate_what=clickhouse_vk").code != 0
    finally:
        command.write_text(content)
    assert deployed.secret("loader_vk") == old
    assert status(deployed, "loader_vk", old) == 200
    assert left_behind(deployed) == []
    assert deployed.succeed("site").counts["changed"] == 0


def test_rotation_that_was_killed_is_finished_by_the_next(deployed: Deployment) -> None:
    old = deployed.secret("loader_qtickets")
    # ClickHouse has the new password in a file and does not know it yet, the loader has it already
    deployed.kill("rotate", "changed: Write the configuration", "rotate_what=clickhouse_qtickets")
    assert left_behind(deployed) != []
    deployed.succeed("rotate", "rotate_what=clickhouse_qtickets")
    assert left_behind(deployed) == []
    assert status(deployed, "loader_qtickets", old) in (401, 403)
    assert loader(deployed, "run").returncode == 0
    assert deployed.succeed("site").counts["changed"] == 0


def test_history_names_the_rotations(deployed: Deployment) -> None:
    lines = (deployed.folder / "host" / "history.jsonl").read_text().splitlines()
    assert "rotate clickhouse_qtickets" in [json.loads(line).get("verb") for line in lines]
