"""Encryption at rest with age: made for a public key, opened with the secret one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO

from .failures import RefusedFailure
from .processes import ProgramFailure, output_of

SUFFIX = ".age"


def sealed(source: IO[bytes], recipient: str) -> AbstractContextManager[IO[bytes]]:
    """Yield the stream as it is to be stored: encrypted when there is a recipient."""
    if not recipient:
        return nullcontext(source)
    return output_of(["age", "--encrypt", "--recipient", recipient], stdin=source)


@contextmanager
def opened(path: Path, identity: str) -> Iterator[IO[bytes]]:
    """Yield the content of a stored file, decrypted when its name says that it is encrypted.

    :param identity: file of the secret key.
    :raises RefusedFailure: there is no key, or it is another backup's.
    """
    if path.suffix != SUFFIX:
        with path.open("rb") as plain:
            yield plain
        return
    if not identity or not Path(identity).is_file():
        raise RefusedFailure(
            f"{path.parent.name} is encrypted and this host has no key: set backup_age_identity to the secret key of "
            "the backup_age_recipient it was made for, and run make deploy."
        )
    try:
        with path.open("rb") as cipher, output_of(["age", "--decrypt", "--identity", identity], stdin=cipher) as plain:
            yield plain
    except ProgramFailure as failure:
        raise RefusedFailure(
            f"backup_age_identity does not open {path.parent.name}/{path.name}: {failure.words}. "
            "Set the secret key of the backup_age_recipient it was made for."
        ) from failure
