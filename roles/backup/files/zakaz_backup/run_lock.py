"""One run of the program at a time on a host."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .failures import BusyFailure


@contextmanager
def held(folder: Path, verb: str) -> Iterator[None]:
    """Hold the lock; the kernel frees it when the process dies, however it dies.

    :raises BusyFailure: another run holds it; the sentence says which and since when.
    """
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyFailure(f"Another run is at work: {_holder(handle)}. Try again when it has ended.") from None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"verb": verb, "pid": os.getpid(), "since": now}).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return f"{holder['verb']}, pid {holder['pid']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said which yet"
