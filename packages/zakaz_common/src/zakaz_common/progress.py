"""Progress of a long read: a bar on a terminal, else a log line at intervals, so that no run is silent."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

log = structlog.get_logger()

_LOG_EVERY_SECONDS = 20.0


class ProgressLine:
    """Counts done of a total that may be unknown (None) and may grow."""

    def __init__(self, what: str, bar: Progress | None) -> None:
        self._what = what
        self._bar = bar
        self._task = bar.add_task(what, total=None) if bar else None
        self._said = time.monotonic()

    def update(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` are done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif time.monotonic() - self._said >= _LOG_EVERY_SECONDS:
            self._said = time.monotonic()
            log.info("progress", what=self._what, done=done, total=total)


@contextmanager
def progress_line(what: str) -> Iterator[ProgressLine]:
    """A bar on stderr when that is a terminal; stdout stays JSON lines."""
    if not sys.stderr.isatty():
        yield ProgressLine(what, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield ProgressLine(what, bar)
