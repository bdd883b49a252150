"""An upgrade that fails at any of its steps ends where it began; a good one hardly interrupts BI."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.operations.conftest import Deployment, docker

pytestmark = [pytest.mark.deploy, pytest.mark.slow]
NEWER = "zakaz_version_embedded_engine=26.9"
STEPS = ("plan", "images", "pause", "backup", "prove", "switch", "schema", "loaders", "smoke")


def surroundings(deployed: Deployment) -> dict[str, bytes | str]:
    """Settings, users and commands by file, and the image that runs."""
    host = deployed.folder / "host"
    files = [path for part in ("config.d", "users.d") for path in (host / "clickhouse" / part).iterdir()]
    files += [*host.glob("*.env"), *host.glob("zakaz-operations-*")]
    image = docker("inspect", "--format", "{{.Config.Image}}", "zakaz-operations-clickhouse")
    return {str(path): path.read_bytes() for path in files if path.is_file()} | {"image": image}


class Reader(threading.Thread):
    """Reads as a dashboard does, ten times a second, and remembers the longest gap between two answers."""

    def __init__(self, deployed: Deployment) -> None:
        super().__init__(daemon=True)
        self._deployed = deployed
        self._stop_asked = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        last = time.monotonic()
        while not self._stop_asked.is_set():
            try:
                self._deployed.ask("SELECT sum(revenue) FROM bi.v_sales_daily", "bi_reader")
            except OSError:
                pass
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


def test_a_skipped_lts_release_is_refused(deployed: Deployment) -> None:
    refused = deployed.play("upgrade", "clickhouse_image=clickhouse/clickhouse-server:27.3.1.1")
    assert refused.code != 0
    assert "by way of 26.8" in refused.output


def test_the_loaders_alone_are_upgraded_without_a_pause_for_bi(deployed: Deployment, container: str) -> None:
    command = deployed.folder / "host" / "zakaz-operations-vk-ads"
    now = command.read_text()
    started = docker("inspect", "--format", "{{.State.StartedAt}}", container)
    image = next(word for word in now.split() if word.startswith("zakaz/vk-ads:"))
    docker("tag", image, "zakaz/vk-ads:older")
    command.write_text(now.replace(image, "zakaz/vk-ads:older"))
    try:
        deployed.succeed("upgrade", "upgrade_scope=loaders")
    finally:
        docker("rmi", "zakaz/vk-ads:older")
    assert command.read_text() == now
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
