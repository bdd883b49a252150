"""One run of the program at a time on a host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from zakaz_common.held_file import HeldElsewhereError
from zakaz_common.held_file import held as held_file

from .failures import BusyFailure


@contextmanager
def held(folder: Path, verb: str) -> Iterator[None]:
    """Hold the lock of the folder of the backups.

    :raises BusyFailure: another run holds it; the sentence says which and since when.
    """
    since = datetime.now(UTC).isoformat(timespec="seconds")
    with ExitStack() as stack:
        try:
            stack.enter_context(held_file(folder / ".lock", "{verb}, pid {pid}, since {since}", verb=verb, since=since))
        except HeldElsewhereError as error:
            raise BusyFailure(f"Another run is at work: {error.holder}. Try again when it has ended.") from None
        yield
