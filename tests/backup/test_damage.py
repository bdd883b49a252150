"""Damaged and incomplete backups are refused by the drill and by a restore, and live data stays as it is."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from zakaz_backup import checksums
from zakaz_backup.failures import DataFailure

from tests.backup.conftest import Site

DATA = "clickhouse.tar"


def corrupt(folder: Path) -> None:
    content = bytearray((folder / DATA).read_bytes())
    content[len(content) // 2] ^= 0xFF
    (folder / DATA).write_bytes(content)


def truncate(folder: Path) -> None:
    content = (folder / DATA).read_bytes()
    (folder / DATA).write_bytes(content[: len(content) * 2 // 3])


def lose(file: str) -> Callable[[Path], None]:
    def losing(folder: Path) -> None:
        (folder / file).unlink()

    return losing


def repacked(change: Callable[[str, bytes], bytes | None]) -> Callable[[Path], None]:
    """Change files inside the archive and note the new checksum, as a fault before the checksums were made would."""

    def repack(folder: Path) -> None:
        packed = io.BytesIO()
        with tarfile.open(folder / DATA) as source, tarfile.open(fileobj=packed, mode="w") as target:
            for member in source:
                if not member.isfile():
                    target.addfile(member)
                    continue
                content = change(member.name, source.extractfile(member).read())
                if content is not None:
                    member.size = len(content)
                    target.addfile(member, io.BytesIO(content))
        (folder / DATA).write_bytes(packed.getvalue())
        resealed(folder)

    return repack


def resealed(folder: Path) -> None:
    names = [path.name for path in folder.iterdir() if path.name not in ("SHA256SUMS", "drill.json")]
    (folder / "SHA256SUMS").write_text(checksums.text({name: checksums.of_file(folder / name) for name in names}))


def in_orders(name: str) -> bool:
    return "data/zakaz/stg_orders/" in name and name.endswith("data.bin")


def flipped(name: str, content: bytes) -> bytes:
    if not in_orders(name):
        return content
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 0xFF
    return bytes(changed)


def less_rows_noted(folder: Path) -> None:
    figures = folder / "figures.json"
    figures.write_text(figures.read_text().replace('"rows": 1010', '"rows": 1011'))
    resealed(folder)


DAMAGES = {
    "corrupted": (corrupt, "clickhouse.tar is damaged"),
    "truncated": (truncate, "clickhouse.tar is damaged"),
    "data missing": (lose(DATA), "lacks its part clickhouse.tar"),
    "figures missing": (lose("figures.json"), "lacks its part figures.json"),
    "checksums missing": (lose("SHA256SUMS"), "no readable SHA256SUMS"),
    "corrupted before the checksum": (repacked(flipped), "damaged|does not restore"),
    "truncated before the checksum": (
        repacked(lambda name, content: content[:-10] if in_orders(name) else content),
        "cannot be restored|damaged",
    ),
    "part missing before the checksum": (
        repacked(lambda name, content: None if "data/zakaz/dm_sales/" in name else content),
        "cannot be restored",
    ),
    "other figures": (less_rows_noted, "stg_orders has 1010 rows instead of 1011"),
}


QUICK = ("corrupted", "truncated", "data missing", "corrupted before the checksum", "part missing before the checksum")


@pytest.mark.parametrize(
    "damage", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in DAMAGES]
)
def test_drill_and_restore_refuse_it(site: Site, changed: Callable[[], None], damage: str) -> None:
    made = site.backup()
    assert site.drill(made.name).passed
    changed()
    before = site.content()
    hurt, words = DAMAGES[damage]
    hurt(site.settings.folder / made.name)

    verdict = site.drill(made.name)
    assert not verdict.passed
    with pytest.raises(DataFailure, match=words):
        site.restore(made.name)

    assert site.content() == before
    assert {row["name"] for row in site.ask("SHOW DATABASES LIKE 'zakaz%'")} == {"zakaz"}
    assert list(site.folder.path.iterdir()) == []
    assert not (site.settings.folder / "restore.json").exists()
