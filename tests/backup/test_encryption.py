"""Backups encrypted at rest: unreadable without the key, whole with it."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from zakaz_backup import encryption
from zakaz_backup.failures import RefusedFailure

from tests.backup.conftest import Site
from tests.programs import require_program


@pytest.fixture(autouse=True)
def age() -> None:
    require_program("age")


@pytest.fixture
def pair(tmp_path: Path) -> Callable[[str], tuple[str, str]]:
    """Makes a key: (public key, file of the secret one)."""

    def make(name: str) -> tuple[str, str]:
        path = tmp_path / name
        subprocess.run(["age-keygen", "-o", path], check=True, capture_output=True)
        public = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, text=True)
        return public.stdout.strip(), str(path)

    return make


def test_with_its_key_it_comes_back_and_without_nothing_is_readable(
    site: Site, pair: Callable, changed: Callable[[], None]
) -> None:
    recipient, identity = pair("key")
    before = site.content()
    made = site.backup(age_recipient=recipient)
    folder = site.settings.folder / made.name
    plain = b"".join(path.read_bytes() for path in folder.iterdir() if path.suffix != ".age")
    assert b"revenue" not in plain
    assert {path.name for path in folder.iterdir()} == {
        "SHA256SUMS", "manifest.json", "clickhouse.tar.age", "figures.json.age", "host.tar.age",
    }  # fmt: skip
    assert site.drill(made.name, identity).passed
    changed()
    site.restore(made.name, age_identity=identity)
    assert site.content() == before


def test_secrets_of_the_host_are_in_encrypted_backups(site: Site, pair: Callable) -> None:
    recipient, identity = pair("key")
    folder = site.settings.folder / site.backup(age_recipient=recipient).name
    with (
        encryption.opened(folder / "host.tar.age", identity) as stream,
        tarfile.open(fileobj=stream, mode="r|") as host,
    ):
        found = {member.name: host.extractfile(member).read() for member in host}
    assert found["files/ad_network.env"] == b"AD_NETWORK_SECRET=hidden\n"


def test_the_wrong_key_and_no_key_are_refused(site: Site, pair: Callable, changed: Callable[[], None]) -> None:
    recipient, _ = pair("key")
    _, other = pair("other")
    made = site.backup(age_recipient=recipient)
    changed()
    before = site.content()
    with pytest.raises(RefusedFailure, match=r"backup_age_identity does not open .*no identity matched"):
        site.restore(made.name, age_identity=other)
    with pytest.raises(RefusedFailure, match="is encrypted and this host has no key: set backup_age_identity"):
        site.restore(made.name)
    assert site.content() == before
    assert "does not open" in site.drill(made.name, other).reason
