"""An upgrade that fails at any of its steps ends where it began; a good one hardly interrupts BI."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.conftest import NAME, Deployment, docker
from tests.sources import ENABLED, services, unit_of

pytestmark = [pytest.mark.deploy, pytest.mark.slow]
OLDER = "zakaz-older"
# what runs beside the loaders
CONTAINERS = [service["container"] for _, _, service in services()]
NEWER = "zakaz_version_embedded_engine=26.9"
STEPS = ("plan", "images", "pause", "backup", "prove", "switch", "schema", "loaders", "smoke")


def surroundings(deployed: Deployment) -> dict[str, bytes | str]:
    """Settings, users and commands by file, and the images that run."""
    host = deployed.folder / "host"
    files = [path for part in ("config.d", "users.d") for path in (host / "clickhouse" / part).iterdir()]
    files += [*host.glob("*.env"), *host.glob(f"{NAME}-*")]
    images = {name: image_of(f"{NAME}-{name}") for name in ("clickhouse", *CONTAINERS)}
    return {str(path): path.read_bytes() for path in files if path.is_file()} | images


def image_of(container: str) -> str:
    return docker("inspect", "--format", "{{.Config.Image}}", container)


class Reader(threading.Thread):
    """Reads as a dashboard does, ten times a second, and remembers the longest gap between two answers."""

    def __init__(self, deployed: Deployment) -> None:
        super().__init__(daemon=True)
        self._deployed = deployed
        self._stop_asked = threading.Event()
        self.longest = 0.0
        self.refused = 0

    def run(self) -> None:
        last = time.monotonic()
        while not self._stop_asked.is_set():
            try:
                self._deployed.ask("SELECT sum(revenue) FROM bi.v_sales_daily", "bi_reader")
            except OSError:
                self.refused += 1
            else:
                self.longest, last = max(self.longest, time.monotonic() - last), time.monotonic()
            time.sleep(0.1)

    def ended(self) -> float:
        self._stop_asked.set()
        self.join()
        return self.longest


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_step_leaves_everything_as_it_was(deployed: Deployment, step: str) -> None:
    version, content, around = deployed.ask("SELECT version()"), deployed.content(), surroundings(deployed)
    failed = deployed.play("upgrade", NEWER, f"upgrade_fail_after={step}")
    assert failed.code != 0
    assert f"The upgrade failed in the step {step}" in failed.output
    assert "Everything was put back" in failed.output
    assert deployed.ask("SELECT version()") == version
    assert deployed.content() == content
    assert surroundings(deployed) == around
    assert not Path(deployed.folder, "host", "upgrade").exists()


def test_an_upgrade_that_was_killed_is_gone_back_from_by_the_next(deployed: Deployment) -> None:
    version, content, around = deployed.ask("SELECT version()"), deployed.content(), surroundings(deployed)
    deployed.kill("upgrade", "changed: Run ClickHouse and wait", NEWER)
    # the older one still stands by
    assert docker("ps", "--all", "--quiet", "--filter", f"name={NAME}-clickhouse-previous")
    for playbook in ("site", "restore"):
        refused = deployed.play(playbook, "restore_confirm=true")
        assert refused.code != 0
        assert "An upgrade of this host was interrupted. Run make upgrade" in " ".join(refused.output.split())
    # the next run stops right after it, so what is seen is what it went back to
    deployed.play("upgrade", NEWER, "upgrade_fail_after=plan")
    assert deployed.ask("SELECT version()") == version
    assert deployed.content() == content
    assert surroundings(deployed) == around
    assert docker("ps", "--all", "--quiet", "--filter", f"name={NAME}-clickhouse-previous") == ""


def test_a_skipped_lts_release_is_refused(deployed: Deployment) -> None:
    refused = deployed.play("upgrade", "clickhouse_image=clickhouse/clickhouse-server:27.3.1.1")
    assert refused.code != 0
    assert "by way of 26.8" in refused.output


@pytest.fixture
def older_images(deployed: Deployment) -> Iterator[None]:
    """The deployment runs images of other names, as an older checkout's are."""
    deployed.succeed("site", f"container_images_prefix={OLDER}")
    yield
    deployed.succeed("site")
    for image in docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{OLDER}/*").split():
        docker("rmi", image)


def test_the_loaders_alone_are_upgraded_without_a_pause_for_bi(
    deployed: Deployment, older_images: None, container: str
) -> None:
    around, content = surroundings(deployed), deployed.content()
    started = docker("inspect", "--format", "{{.State.StartedAt}}", container)
    failed = deployed.play("upgrade", "upgrade_scope=loaders", "upgrade_fail_after=loaders")
    assert "Everything was put back" in failed.output
    assert surroundings(deployed) == around
    assert deployed.content() == content

    reader = Reader(deployed)
    reader.start()
    deployed.succeed("upgrade", "upgrade_scope=loaders")
    longest = reader.ended()
    print(f"BI had no answer for {longest:.1f} s")
    assert reader.refused == 0
    for source in ENABLED:
        assert OLDER not in (deployed.folder / "host" / unit_of(source, NAME)).read_text()
    for beside in CONTAINERS:
        assert OLDER not in image_of(f"{NAME}-{beside}")
    assert docker("inspect", "--format", "{{.State.StartedAt}}", container) == started


def test_a_good_upgrade_keeps_bi_down_for_half_a_minute_at_most(deployed: Deployment) -> None:
    content = deployed.content()
    reader = Reader(deployed)
    reader.start()
    done = deployed.succeed("upgrade", NEWER)
    longest = reader.ended()
    print(f"BI had no answer for {longest:.1f} s")
    assert longest <= 30
    assert deployed.ask("SELECT version()").startswith("26.9.")
    assert deployed.content() == content
    assert "became 26.9." in done.output
    assert "there is nothing to upgrade" in deployed.succeed("upgrade", NEWER).output


def test_an_older_release_is_refused(deployed: Deployment) -> None:
    refused = deployed.play("upgrade")
    assert refused.code != 0
    assert "an older release may not read its data" in refused.output


def test_a_rollback_does_not_start_an_older_clickhouse_on_newer_data(deployed: Deployment) -> None:
    # an older deployment of another commit, as the history would have it
    with (deployed.folder / "host/history.jsonl").open("a") as file:
        entry = {"run": "0" * 8, "clock": 1.0, "at": "2026-01-01T00:00:00+00:00", "dirty": False}
        begun = {"event": "begun", "verb": "deploy", "who": "anna@desk", "commit": "d" * 40, "only": [], "without": []}
        file.write(json.dumps(entry | begun) + "\n")
        file.write(json.dumps(entry | {"event": "ended", "seconds": 1.0, "clickhouse": "26.3.9.1"}) + "\n")
    refused = deployed.play("rollback", "history_rollback_to=dddd")
    assert refused.code != 0
    assert "an older release may not read the data of a newer one" in " ".join(refused.output.split())
