"""One run of a loader at a time on a host: a lock in the state volume."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from zakaz_common.errors import LockHeldError, StorageError
from zakaz_common.held_file import HeldElsewhereError, held
from zakaz_common.moscow import now_moscow

_WORDS = "run {run_id}, pid {pid} on {host}, since {since}"


@contextmanager
def run_lock(state_dir: Path, loader: str, run_id: str) -> Iterator[None]:
    """Hold `<state_dir>/<loader>.lock`.

    Raises LockHeldError naming the holder, or StorageError when the state directory cannot be written.
    """
    with ExitStack() as stack:
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            note = {"run_id": run_id, "host": socket.gethostname(), "since": now_moscow().isoformat()}
            stack.enter_context(held(state_dir / f"{loader}.lock", _WORDS, **note))
        except HeldElsewhereError as error:
            raise LockHeldError(_sentence(loader, error)) from None
        except OSError as error:
            raise StorageError(
                f"the state directory {state_dir} cannot be written ({error.strerror}); "
                "mount a volume there that the loader's user owns, or set LOADER_STATE_DIR"
            ) from None
        yield


def _sentence(loader: str, held_elsewhere: HeldElsewhereError) -> str:
    """Who holds the lock: another run, or what is at work on the deployment (roles/schedules/files/hold.sh)."""
    if work := held_elsewhere.note.get("work"):
        return (
            f"{work} is at work since {held_elsewhere.note['since']}; the loaders may run again when it has ended. "
            "Where nothing is at work any more, make deploy lets them run"
        )
    return f"another run of {loader} is working: {held_elsewhere.holder}; try again later"
