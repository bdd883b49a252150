"""A look that cannot be had, or cannot be kept, says which file is in the way."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from zakaz_watch.command_line import main

from tests.watch.conftest import Deployment


@pytest.fixture
def alone(tmp_path: Path) -> Deployment:
    """A deployment whose ClickHouse does not answer."""
    return Deployment(SimpleNamespace(port=1), tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [(None, "watch.json cannot be read (No such file or directory); run make deploy"), ("{}", "is not what the role")],
)
@pytest.mark.parametrize("broken", ["watch.json", "alerts.json"])
def test_settings_that_are_not_there_or_not_ours(alone, capsys, broken, text, says):
    alone._write_settings()
    file = alone.folder / broken
    file.unlink() if text is None else file.write_text(text)
    assert main(alone.folder / "watch.json", alone.folder / "alerts.json") == 78
    said = capsys.readouterr().out
    assert says.replace("watch.json", broken) in said
    assert said.startswith(str(file))


@pytest.mark.patient
def test_metrics_that_cannot_be_written_are_named_and_people_are_told_all_the_same(alone):
    (alone.folder / "node-exporter").write_text("a file where a folder should be")
    done = alone.look(times=2)
    assert done.returncode == 74
    assert f"{alone.folder}/node-exporter cannot be written: " in done.stdout
    assert done.stdout.strip().endswith("free or mend the disk")
    assert alone.failing()


@pytest.mark.patient
def test_a_state_that_cannot_be_kept_is_named_and_metrics_are_written_all_the_same(alone):
    (alone.folder / "alerts").write_text("a file where a folder should be")
    done = alone.look()
    assert done.returncode == 74
    assert f"{alone.folder}/alerts" in done.stdout and "cannot be written: " in done.stdout
    assert 'zakaz_watch_last_run_timestamp_seconds{deployment="zakaz"}' in alone.metrics()
