"""Rotation while a loader runs and runs: no failed run, and the old secret refused.

The tests build on each other and run in the order of the file.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.operations.conftest import NAME, Deployment, docker, failed, host_files, left_behind, loader, status
from tests.sources import (
    ADVERTISING,
    ENABLED,
    SALES,
    SOURCES,
    required_secrets,
    rotations,
    service_secrets,
    services,
    unit_of,
)

pytestmark = pytest.mark.deploy
# two loaders, by their users of ClickHouse and by what make rotate calls their passwords
FIRST, OTHER = (SOURCES[source]["clickhouse"] for source in (SALES, ADVERTISING))
USER, PASSWORD = FIRST["user"], FIRST["rotates_as"]
OTHER_USER, OTHER_PASSWORD = OTHER["user"], OTHER["rotates_as"]
# what the first is given by its source, a source that gives two, and what is a service's: names with their variables
TOKEN, TOKEN_VARIABLE = next(iter(rotations(SALES).items()))
(CLIENT, CLIENT_VARIABLE), (SECOND, SECOND_VARIABLE) = next(
    list(rotations(source).items())[:2] for source in ENABLED if len(required_secrets(source)) > 1
)
OF_SERVICE, OF_SERVICE_VARIABLE = next(
    (name, variable)
    for source, service, _ in services()
    for name, variable in rotations(source).items()
    if variable in service_secrets(source, service)
)


def test_password_of_a_loader_changes_under_its_runs(deployed: Deployment, running_loaders: list) -> None:
    old = deployed.secret(USER)
    rotated = deployed.succeed("rotate", f"rotate_what={PASSWORD}")
    new = deployed.secret(USER)
    assert new != old
    assert status(deployed, USER, old) in (401, 403)
    assert status(deployed, USER, new) == 200
    assert failed(running_loaders) == []
    assert old not in rotated.output
    assert new not in rotated.output
    assert left_behind(deployed) == []
    # what runs beside the loader is a user of the same password
    for service in SOURCES[SALES]["services"].values():
        receiver = (deployed.folder / "host" / service["environment_file"]).read_text()
        assert f"CLICKHOUSE_PASSWORD={new}\n" in receiver
        environment = docker("inspect", "--format", "{{.Config.Env}}", f"{NAME}-{service['container']}")
        assert f"CLICKHOUSE_PASSWORD={new}" in environment


def test_loaders_work_after_it(deployed: Deployment) -> None:
    for name in ENABLED:
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


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ((), "make rotate SECRET="),
        (("rotate_what=clickhouse_nobody",), "clickhouse_nobody is not known"),
        ((f"rotate_what={TOKEN}",), "the one that the loader has already"),
    ],
)
def test_rotation_that_cannot_be_done_says_why(deployed: Deployment, settings: tuple[str, ...], sentence: str) -> None:
    refused = deployed.play("rotate", *settings)
    assert refused.code != 0
    assert sentence in " ".join(refused.output.split())


def test_password_that_does_not_work_leaves_the_old_one(deployed: Deployment) -> None:
    # a proof that fails: the loader's own check
    command = deployed.folder / "host" / unit_of(ADVERTISING, NAME)
    content, old = command.read_text(), deployed.secret(OTHER_USER)
    command.write_text(content.replace("set -eu\n", 'set -eu\ntest "$1" != check || exit 69\n'))
    try:
        assert deployed.play("rotate", f"rotate_what={OTHER_PASSWORD}").code != 0
    finally:
        command.write_text(content)
    assert deployed.secret(OTHER_USER) == old
    assert status(deployed, OTHER_USER, old) == 200
    assert left_behind(deployed) == []
    assert deployed.succeed("site").counts["changed"] == 0


def test_rotation_that_was_killed_is_finished_by_the_next(deployed: Deployment) -> None:
    old = deployed.secret(USER)
    # ClickHouse has the new password in a file and does not know it yet, the loader has it already
    deployed.kill("rotate", "changed: Write the configuration", f"rotate_what={PASSWORD}")
    assert left_behind(deployed) != []
    deployed.succeed("rotate", f"rotate_what={PASSWORD}")
    assert left_behind(deployed) == []
    assert status(deployed, USER, old) in (401, 403)
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


@pytest.mark.parametrize(
    ("settings", "users", "others"),
    [
        ([f"rotate_what={PASSWORD}"], [OTHER_USER, "bi_reader"], ["clickhouse_bi", OTHER_PASSWORD]),
        ([f"rotate_what={TOKEN}", f"{TOKEN_VARIABLE}=new-token"], [USER], [PASSWORD]),
        (
            [f"rotate_what={SECOND}", f"{SECOND_VARIABLE}=new-secret", f"{CLIENT_VARIABLE}=new-client"],
            [],
            [CLIENT],
        ),
        (
            ["rotate_what=clickhouse_bi", f"{OF_SERVICE_VARIABLE}=new-secret"],
            ["backup"],
            ["clickhouse_backup", OF_SERVICE],
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
    old = {user: deployed.secret(user) for user in (USER, OTHER_USER, "bi_reader")}
    files = {user: deployed.folder / "secrets" / f"clickhouse_{user}" for user in old}
    for user in (OTHER_USER, "bi_reader"):
        files[user].write_text(f"edited-password-of-{user}\n")
    deployed.succeed("rotate", f"rotate_what={OTHER_PASSWORD},clickhouse_bi,{PASSWORD}")
    assert deployed.secret("bi_reader") == "edited-password-of-bi_reader"
    for user, word in old.items():
        assert deployed.secret(user) != word
        assert status(deployed, user, word) in (401, 403)
        assert status(deployed, user, deployed.secret(user)) == 200
    assert failed(running_loaders) == []
    assert left_behind(deployed) == []
    assert deployed.succeed("site").counts["changed"] == 0


def test_a_rotation_that_did_not_end_is_ended_before_another(deployed: Deployment) -> None:
    deployed.kill("rotate", "changed: Write the configuration", f"rotate_what={OTHER_PASSWORD}")
    refused = deployed.play("rotate", "rotate_what=clickhouse_bi")
    assert refused.code != 0
    assert f"make rotate SECRET={OTHER_PASSWORD} first" in " ".join(refused.output.split())
    deployed.succeed("rotate", f"rotate_what={OTHER_PASSWORD}")
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
        (USER, PASSWORD),
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
    for name in (PASSWORD, "clickhouse_watch", "clickhouse_admin"):
        deployed.succeed("rotate", f"rotate_what={name}")


def test_history_names_the_rotations(deployed: Deployment) -> None:
    lines = (deployed.folder / "host" / "history.jsonl").read_text().splitlines()
    assert f"rotate {PASSWORD}" in [json.loads(line).get("verb") for line in lines]
