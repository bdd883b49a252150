"""State of loaders and files of the host: they come back to who lost them, and secrets stay out of readable backups."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from zakaz_backup import host_files

from tests.backup.conftest import Site

pytestmark = pytest.mark.patient
# volumes are folders here, a container is the name of what it holds
DOCKER = """#!/bin/sh
cd "$DOCKER_VOLUMES"
case "$1 $2" in
"volume inspect") test -d "$3" ;;
"volume create") mkdir -p "$5" ;;
"create --network") echo "${5%%:*}" ;;
"cp -") container=${3%%:*} && tar -x --strip-components=1 -C "$container" ;;
cp*) tar -c -C "${2%%:*}" . ;;
rm*) echo "$3" >>removed ;;
esac
"""


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "volumes"
    (place / "ad-state").mkdir(parents=True)
    (place / "ad-state/watermark").write_text("2026-11-22")
    (place / "ad-state/token.json").write_text("hidden")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(DOCKER)
    (tmp_path / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_VOLUMES", str(place))
    return place


@pytest.mark.parametrize("recipient", ["", "age1key"])
def test_state_comes_back_to_a_loader_that_has_none_and_to_no_other(site: Site, volumes: Path, recipient: str) -> None:
    settings = replace(
        site.settings, state_volumes={"ad_network": "ad-state", "never_ran": "none"}, age_recipient=recipient
    )
    packed = io.BytesIO()
    host_files.write(settings, "image", packed)
    with tarfile.open(fileobj=io.BytesIO(packed.getvalue())) as archive:
        names = set(archive.getnames())
    assert {"config/users.d/zakaz.xml", "state/ad_network/watermark"} <= names
    assert ({"files/ad_network.env", "state/ad_network/token.json"} <= names) is bool(recipient)
    assert ({"files/ad_network.env", "state/ad_network/token.json"} & names == set()) is not bool(recipient)

    (volumes / "ad-state/watermark").write_text("2026-11-23")
    assert host_files.put_state(settings, "image", io.BytesIO(packed.getvalue())) == []
    assert (volumes / "ad-state/watermark").read_text() == "2026-11-23"

    (volumes / "ad-state").rename(volumes / "lost")
    assert host_files.put_state(settings, "image", io.BytesIO(packed.getvalue())) == ["ad_network"]
    assert (volumes / "ad-state/watermark").read_text() == "2026-11-22"
    assert (volumes / "ad-state/token.json").exists() is bool(recipient)
    assert not (volumes / "none").exists()

    # a lock alone is no state: who restores holds the loaders by it
    for name in ("watermark", "token.json"):
        (volumes / "ad-state" / name).unlink(missing_ok=True)
    (volumes / "ad-state/ad_network.lock").write_text("{}")
    assert host_files.put_state(settings, "image", io.BytesIO(packed.getvalue())) == ["ad_network"]
    assert (volumes / "ad-state/watermark").read_text() == "2026-11-22"
    assert set((volumes / "removed").read_text().split()) == {"ad-state"}
