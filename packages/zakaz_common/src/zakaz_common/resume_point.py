"""Where a long read stopped, kept in the state volume so that the next run goes on from there."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from whole_file import write_whole

from zakaz_common.errors import StorageError


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """`scan` tells which read it is.

    Everything up to `after_id` has landed; `window_to` is its first start, ISO. `seen` are the ids that the source
    showed up to there, of `shown` records in all: what it no longer has is known only when the whole read is over.
    None: they were not kept.
    """

    scan: str
    after_id: int
    window_to: str
    seen: list[int] | None = None
    shown: int = 0


class ResumeFile:
    """The file of a resume point.

    A damaged file counts as none: the read then begins anew, which loses nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, scan: str) -> ResumePoint | None:
        """The point of this scan, or None."""
        try:
            point = ResumePoint(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        whole = isinstance(point.after_id, int) and isinstance(point.seen, list | None)
        return point if point.scan == scan and whole else None

    def save(self, point: ResumePoint) -> None:
        """Replace the file whole. Raises StorageError when the state volume cannot be written."""
        content = json.dumps({f.name: getattr(point, f.name) for f in fields(point)})
        try:
            write_whole(self._path, content.encode(), 0o600)
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written ({error.strerror}); check the state volume") from None

    def clear(self) -> None:
        """Forget the point: the read is complete."""
        self._path.unlink(missing_ok=True)
