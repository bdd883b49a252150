"""Rotation while a loader runs and runs: no failed run, and the old secret refused.

The tests build on each other and run in the order of the file.
"""

from __future__ import annotations

import hmac
import json
import string
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

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
    """The loaders, run again and again; the exit codes of their runs and their last lines."""
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
    return [*map(str, files), *docker("ps", "--all", "--quiet", "--filter", "label=zakaz.hold").split()]


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
    command.write_text(content.replace("set -eu\n", 'set -eu\ntest "$1" != check || exit 69\n'))
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


@contextmanager
def edited(deployed: Deployment, **passwords: str) -> Iterator[None]:
    """Passwords that an operator changed where the inventory has them; put back afterwards."""
    files = {deployed.folder / "secrets" / f"clickhouse_{user}": text for user, text in passwords.items()}
    kept = {path: path.read_text() for path in files}
    for path, text in files.items():
        path.write_text(f"{text}\n")
    try:
        yield
    finally:
        for path, text in kept.items():
            path.write_text(text)


def host_files(deployed: Deployment) -> dict[str, str]:
    """What the host has of secrets."""
    files = [
        *deployed.folder.glob("host/*.env"),
        *deployed.folder.glob("host/*.json"),
        *deployed.folder.glob("host/clickhouse/*.d/*"),
    ]
    # how runs ended is noted by whoever runs a loader meanwhile
    return {str(path): path.read_text() for path in files if not path.name.endswith(".ended.json")}


@pytest.mark.parametrize(
    ("settings", "users", "others"),
    [
        (["rotate_what=clickhouse_qtickets"], ["loader_vk", "bi_reader"], ["clickhouse_bi", "clickhouse_vk"]),
        (["rotate_what=qtickets_token", "qtickets_api_token=new-token"], ["loader_qtickets"], ["clickhouse_qtickets"]),
        (
            ["rotate_what=vk_secret", "vk_ads_client_secret=new-secret", "vk_ads_client_id=new-client"],
            [],
            ["vk_client"],
        ),
        (
            ["rotate_what=clickhouse_bi", "qtickets_api_webhook_secret=new-secret"],
            ["backup"],
            ["clickhouse_backup", "qtickets_webhook"],
        ),
    ],
)
def test_others_that_were_edited_are_named_before_anything_is_written(
    deployed: Deployment, running_loaders: list, settings: list[str], users: list[str], others: list[str]
) -> None:
    before, old = host_files(deployed), {user: deployed.secret(user) for user in users}
    with edited(deployed, **{user: f"edited-password-of-{user}" for user in users}):
        refused = deployed.play("rotate", *settings)
    assert refused.code != 0
    words = " ".join(refused.output.split())
    for name in others:
        assert f"{name} (" in words
    first = settings[0].partition("=")[2]
    assert f"make rotate SECRET={first}," in words
    assert "edited-password" not in refused.output
    assert host_files(deployed) == before
    assert all(status(deployed, user, word) == 200 for user, word in old.items())
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []


def test_several_are_rotated_together_by_name(deployed: Deployment, running_loaders: list) -> None:
    """One that was made here and is made anew, and two that were edited."""
    old = {user: deployed.secret(user) for user in ("loader_qtickets", "loader_vk", "bi_reader")}
    files = {user: deployed.folder / "secrets" / f"clickhouse_{user}" for user in old}
    for user in ("loader_vk", "bi_reader"):
        files[user].write_text(f"edited-password-of-{user}\n")
    deployed.succeed("rotate", "rotate_what=clickhouse_vk,clickhouse_bi,clickhouse_qtickets")
    assert deployed.secret("bi_reader") == "edited-password-of-bi_reader"
    for user, word in old.items():
        assert deployed.secret(user) != word
        assert status(deployed, user, word) in (401, 403)
        assert status(deployed, user, deployed.secret(user)) == 200
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    assert deployed.succeed("site").counts["changed"] == 0


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
        request = urllib.request.Request("http://127.0.0.1:18191/", data=b"{}", method="POST")
        request.add_header("X-Signature", hmac.new(secret.encode(), b"{}", "sha1").hexdigest())
        request.add_header("X-Model-Name", "Test")
        try:
            with urllib.request.urlopen(request, timeout=10) as taken:
                return taken.status
        except urllib.error.HTTPError as error:
            return error.code

    deployed.succeed("rotate", "rotate_what=qtickets_webhook", "qtickets_api_webhook_secret=second-webhook-secret")
    assert (answer("second-webhook-secret"), answer("ci-webhook-secret")) == (200, 403)
    deployed.succeed("rotate", "rotate_what=qtickets_webhook")
    assert (answer("second-webhook-secret"), answer("ci-webhook-secret")) == (403, 200)
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []


def test_a_rotation_that_did_not_end_is_ended_before_another(deployed: Deployment) -> None:
    deployed.kill("rotate", "changed: Write the configuration", "rotate_what=clickhouse_vk")
    refused = deployed.play("rotate", "rotate_what=clickhouse_bi")
    assert refused.code != 0
    assert "make rotate SECRET=clickhouse_vk first" in " ".join(refused.output.split())
    deployed.succeed("rotate", "rotate_what=clickhouse_vk")
    assert left_behind(deployed) == []
    assert deployed.succeed("site").counts["changed"] == 0


def test_a_secret_that_would_not_arrive_is_refused_by_name(deployed: Deployment) -> None:
    before = host_files(deployed)
    with edited(deployed, bi_reader="пароль-дашбордов"):
        refused = deployed.play("rotate", "rotate_what=clickhouse_bi")
    assert refused.code != 0
    assert "clickhouse_bi_password has a character at position 1 that is not printable ASCII" in " ".join(
        refused.output.split()
    )
    assert host_files(deployed) == before


def test_every_printable_character_logs_in(deployed: Deployment) -> None:
    """To the engine, through each reader of the password: its hash, the loader's environment, settings in JSON."""
    for user, name in (
        ("loader_qtickets", "clickhouse_qtickets"),
        ("watch", "clickhouse_watch"),
        ("admin", "clickhouse_admin"),
    ):
        secret = deployed.folder / "secrets" / f"clickhouse_{user}"
        secret.write_text(
            "%{ }#\"'$\\<&>`!;|=,?*:@/^~()[]-_+. ]]> $HOME ${x} %s %% \\n -- #x" + string.ascii_letters + string.digits
        )
        deployed.succeed("rotate", f"rotate_what={name}")
        assert status(deployed, user, secret.read_text()) == 200
    assert loader(deployed, "check").returncode == 0
    assert deployed.succeed("site").counts["changed"] == 0
    for name in ("clickhouse_qtickets", "clickhouse_watch", "clickhouse_admin"):
        deployed.succeed("rotate", f"rotate_what={name}")


def test_history_names_the_rotations(deployed: Deployment) -> None:
    lines = (deployed.folder / "host" / "history.jsonl").read_text().splitlines()
    assert "rotate clickhouse_qtickets" in [json.loads(line).get("verb") for line in lines]
