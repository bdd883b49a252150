"""Order ids that a webhook named, kept as files in the state volume until they have been read again.

The webhook is a hint: it carries no delivery id, may come twice, late or never. Only the order id is kept; what the
order holds is asked of the API. An id that is queued twice is one file: repeating is harmless.
"""

import os
from pathlib import Path

from zakaz_common.errors import StorageError


class WebhookQueue:
    """A durable set of order ids."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, order_id: int) -> None:
        """Keep an id; on return it survives a power cut. Raises StorageError."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._directory / str(order_id), os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.utime(handle)  # a new hint about an id that is being read keeps it queued
                os.fsync(handle)
            finally:
                os.close(handle)
            folder = os.open(self._directory, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StorageError(f"the queue {self._directory} cannot be written ({error.strerror})") from None

    def waiting(self, limit: int = 200) -> dict[int, int]:
        """Up to `limit` ids, oldest first, each with the time of its last hint in nanoseconds."""
        if not self._directory.is_dir():
            return {}
        found = []
        for entry in os.scandir(self._directory):
            if entry.name.isdigit():
                found.append((entry.stat().st_mtime_ns, int(entry.name)))
        return {order_id: hinted for hinted, order_id in sorted(found)[:limit]}

    def done(self, order_id: int, hinted: int) -> None:
        """Forget an id, unless a newer hint came after `hinted`."""
        path = self._directory / str(order_id)
        try:
            if path.stat().st_mtime_ns == hinted:
                path.unlink()
        except FileNotFoundError:
            return
