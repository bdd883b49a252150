"""The plan of a deployment that lost something, or whose secrets were edited, says what a run then does."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from tests.deploy.conftest import Play, play
from tests.operations.conftest import NAME, SETTINGS, Deployment, docker
from tests.sources import ENABLED, SALES, SOURCES, services, unit_of

pytestmark = pytest.mark.deploy
USER = SOURCES[SALES]["clickhouse"]["user"]
# what runs beside the loaders: containers and their environments
BESIDE = [service["container"] for _, _, service in services()]
ENVIRONMENTS = [f"host/{service['environment_file']}" for _, _, service in services()]


def plan(*extra: str) -> Play:
    return play("site", *SETTINGS, *extra, flags=("--check", "--diff"))


def tasks(done: Play) -> list[str]:
    """What changed, or would."""
    lines = [line.strip() for line in done.output.splitlines()]
    return [line.removeprefix("changed: ").partition(" (")[0] for line in lines if line.startswith("changed: ")]


def lose_container(name: str) -> Callable[[Deployment], None]:
    return lambda _: docker("rm", "--force", f"{NAME}-{name}") and None


def stop_container(name: str) -> Callable[[Deployment], None]:
    return lambda _: docker("stop", f"{NAME}-{name}") and None


def lose_file(*names: str) -> Callable[[Deployment], None]:
    def lose(deployed: Deployment) -> None:
        for name in names:
            (deployed.folder / name).unlink()

    return lose


def lose_volume_of_state(deployed: Deployment) -> None:
    """What a service was told goes with it; the loader reads it again all the same."""
    docker("rm", "--force", *(f"{NAME}-{name}" for name in BESIDE))
    docker("volume", "rm", *(f"{unit_of(source, NAME)}-state" for source in ENABLED))


def lose_backups_folder(deployed: Deployment) -> None:
    shutil.rmtree(deployed.backups)


LOSSES = {
    "clickhouse": lose_container("clickhouse"),
    "clickhouse stopped": stop_container("clickhouse"),
    "sandbox": lose_container("api-sandbox"),
    "sandbox stopped": stop_container("api-sandbox"),
    **{name: lose_container(name) for name in BESIDE},
    **{f"{name} stopped": stop_container(name) for name in BESIDE},
    "users.d": lose_file("host/clickhouse/users.d/zakaz.xml"),
    "config.d": lose_file("host/clickhouse/config.d/zakaz.xml"),
    "environments": lose_file(*(f"host/{source}.env" for source in ENABLED), *ENVIRONMENTS),
    "commands": lose_file(f"host/{unit_of(SALES, NAME)}", f"host/{NAME}-backup", "host/backup.json"),
    "state": lose_volume_of_state,
    "backups": lose_backups_folder,
    "several": lambda deployed: [
        lose(deployed)
        for lose in (
            lose_container("clickhouse"), lose_container("api-sandbox"), *map(lose_container, BESIDE),
            lose_file("host/clickhouse/users.d/zakaz.xml", *ENVIRONMENTS, "host/backup.json"),
        )
    ] and None,
}  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_lost_is_predicted_and_then_made_anew(deployed: Deployment, loss: str) -> None:
    LOSSES[loss](deployed)
    planned = plan()
    assert planned.code == 0, planned.output[-3000:]
    made = deployed.succeed("site")
    assert tasks(planned) != []
    # rows that a loader wrote are no prediction
    assert [task for task in tasks(made) if not task.startswith("Load:")] == tasks(planned)
    assert deployed.succeed("site").counts["changed"] == 0


@pytest.mark.parametrize(
    "users",
    [
        ["admin"],
        ["bi_reader"],
        ["admin", "bi_reader", "watch"],
        ["admin", "backup", USER],
    ],
    ids=",".join,
)
def test_edited_passwords_are_predicted_with_one_that_still_works(deployed: Deployment, users: list[str]) -> None:
    for user in users:
        (deployed.folder / "secrets" / f"clickhouse_{user}").write_text(
            f"edited password of {user} among {len(users)} with {users[-1]}\n"
        )
    planned = plan()
    assert planned.code == 0, planned.output[-3000:]
    for user in users:
        assert f"{user} (password)" in planned.output
    # schema and data were looked at all the same
    assert "▸ clickhouse schema" in planned.output
    assert "revenue" in planned.output.lower()
    assert "edited password" not in planned.output
    made = deployed.succeed("site")
    assert [task for task in tasks(made) if not task.startswith("Load:")] == tasks(planned)
    assert deployed.succeed("site").counts["changed"] == 0


def test_passwords_that_nobody_knows_end_in_a_plan_too(deployed: Deployment) -> None:
    """The host's own settings of the backups are gone as well."""
    (deployed.folder / "secrets" / "clickhouse_admin").write_text("edited password of admin\n")
    (deployed.folder / "host" / "backup.json").unlink()
    planned = plan()
    assert planned.code == 0, planned.output[-3000:]
    assert "ClickHouse runs with passwords that neither this inventory nor" in " ".join(planned.output.split())
    deployed.succeed("site")
    assert deployed.succeed("site").counts["changed"] == 0


def test_images_that_are_not_built_yet_are_predicted(deployed: Deployment) -> None:
    """As after a pull of newer code: names that no image has."""
    planned = plan("container_images_prefix=zakaz-of-another-time")
    assert planned.code == 0, planned.output[-3000:]
    assert {f"Run {NAME}-{service}" for service in ("api-sandbox", *BESIDE)} <= set(tasks(planned))
    assert any("ClickHouse" in task for task in tasks(planned))
