"""A file that one process holds at a time, and that says who: an flock, and a note of its holder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class HeldElsewhereError(Exception):
    """Another process holds the file; `holder` is a sentence part made of its `note`, which is empty at first."""

    def __init__(self, holder: str, note: dict[str, Any]) -> None:
        super().__init__(holder)
        self.holder = holder
        self.note = note


@contextmanager
def held(path: Path, words: str, **note: Any) -> Iterator[None]:
    """Hold the file. The kernel frees it when the process dies, however it dies.

    :param path: the file; made, for its owner alone, when it is missing
    :param words: how another process that finds it held tells the note, such as "{verb}, pid {pid}"
    :param note: what the file says meanwhile, beside the `pid`
    :raises HeldElsewhereError: another process holds it
    :raises OSError: the file cannot be written
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _held_elsewhere(handle, words) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), **note}).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _held_elsewhere(handle: int, words: str) -> HeldElsewhereError:
    try:
        note = json.loads(os.pread(handle, 4096, 0))
        return HeldElsewhereError(words.format_map(note), note)
    except (ValueError, KeyError, TypeError):
        return HeldElsewhereError("its details are not written yet", {})
