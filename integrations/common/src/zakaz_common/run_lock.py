"""One run of a loader at a time on a host: an flock in the state volume."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zakaz_common.errors import LockHeldError, StorageError
from zakaz_common.moscow import now_moscow


@contextmanager
def run_lock(state_dir: Path, loader: str, run_id: str) -> Iterator[None]:
    """Hold `<state_dir>/<loader>.lock`. The kernel frees it when the process dies, however it dies.

    Raises LockHeldError naming the holder, or StorageError when the state directory cannot be written.
    """
    path = state_dir / f"{loader}.lock"
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StorageError(
            f"the state directory {state_dir} cannot be written ({error.strerror}); "
            "mount a volume there that the loader's user owns, or set LOADER_STATE_DIR"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeldError(f"another run of {loader} is working: {_holder(handle)}; try again later") from None
        holder = {
            "run_id": run_id,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": now_moscow().isoformat(),
        }
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(handle: int) -> str:
    try:
        held = json.loads(os.pread(handle, 4096, 0))
        return f"run {held['run_id']}, pid {held['pid']} on {held['host']}, since {held['since']}"
    except (ValueError, KeyError, TypeError):
        return "its details are not written yet"
