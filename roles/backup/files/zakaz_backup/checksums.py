"""SHA-256 of every file of a backup, in the form that ``sha256sum --check`` reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from .failures import DataFailure

FILE = "SHA256SUMS"
_PIECE = 1 << 20


def write_stream(source: IO[bytes], path: Path) -> tuple[str, int]:
    """Write a stream to a new file, down to the disk; return its SHA-256 and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as target:
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest(), size


def of_file(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text(sums: dict[str, str]) -> str:
    """The content of SHA256SUMS for file name → SHA-256."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))


def verify(folder: Path, required: Sequence[str]) -> None:
    """Compare every file of a backup with its checksum.

    :param required: files without which there is no backup.
    :raises DataFailure: a file is missing, is not listed, or has another content; the sentence names it.
    """
    mend = "Take another backup (make backup) and restore that one, or an older good one."
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataFailure(f"{folder.name} has no readable {FILE}, so it is not a whole backup. {mend}") from error
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in required:
        if name not in listed:
            raise DataFailure(f"{folder.name} lists no {name}, so it is not a whole backup. {mend}")
    for name, digest in listed.items():
        path = folder / name
        if "/" in name or not path.is_file():
            raise DataFailure(f"{folder.name} lacks its part {name}. {mend}")
        if of_file(path) != digest:
            raise DataFailure(
                f"{folder.name}/{name} is damaged: {path.stat().st_size} bytes whose SHA-256 is not the one noted when "
                f"the backup was made. {mend}"
            )
