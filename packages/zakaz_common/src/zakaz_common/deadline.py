"""One deadline for the whole run: every wait asks it first."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zakaz_common.errors import DeadlineExceededError, StoppedError


class Deadline:
    """A moment after which the run must have stopped.

    Parameters: `seconds` from now; `clock` and `sleep` are replaceable in tests.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self.seconds = seconds
        self._ends = clock() + seconds
        self.slept = 0.0
        self._stopped: StoppedError | None = None

    def remaining(self) -> float:
        """Seconds left; negative once the deadline has passed."""
        return self._ends - self._clock()

    def now(self) -> float:
        """The clock of the deadline, in seconds from an arbitrary start."""
        return self._clock()

    def check(self, doing: str) -> None:
        """Raise `DeadlineExceededError` when no time is left for `doing`, or what `stop` was given."""
        if self._stopped:
            raise self._stopped
        if self.remaining() <= 0:
            raise DeadlineExceededError(
                f"the run's deadline of {self.seconds:.0f} s came while {doing}; what was written stays, "
                "the next run continues (LOADER_DEADLINE_SECONDS sets the deadline)"
            )

    def stop(self, error: StoppedError) -> None:
        """Let the next `check` or `wait` raise the error.

        An exception that a signal raises may be swallowed by a library that it happens to interrupt.
        """
        self._stopped = error

    def grace(self, seconds: float) -> None:
        """Grant at least `seconds` from now: for recording how a run ended after its deadline came."""
        self._stopped = None
        self._ends = max(self._ends, self._clock() + seconds)

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what is done inside end `seconds` from now, should the deadline not come first: a part's share of it."""
        ends = self._ends
        self._ends = min(ends, self._clock() + seconds)
        try:
            yield
        finally:
            self._ends = ends

    def wait(self, seconds: float, why: str) -> None:
        """Sleep exactly `seconds`, or raise `DeadlineExceededError` at once when that would pass the
        deadline.
        """
        if self._stopped:
            raise self._stopped
        if seconds <= 0:
            return
        if seconds > self.remaining():
            raise DeadlineExceededError(
                f"{why} asks to wait {seconds:.0f} s, but the run's deadline is in "
                f"{max(self.remaining(), 0):.0f} s; what was written stays, the next run continues"
            )
        self.slept += seconds
        self._sleep(seconds)
