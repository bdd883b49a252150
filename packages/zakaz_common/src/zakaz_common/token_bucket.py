"""A token bucket: keeps the request rate under what the API tolerates."""

from zakaz_common.deadline import Deadline


class TokenBucket:
    """At most `rate` requests a second on average, `burst` at once.

    Waits go through the deadline, so a slow rate ends a run cleanly instead of overrunning it.
    """

    def __init__(self, rate: float, deadline: Deadline, burst: float = 1.0) -> None:
        if rate <= 0:
            raise ValueError("rate must be above 0 requests a second")
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._tokens = self._burst
        self._deadline = deadline
        self._stamp = deadline.now()

    @property
    def rate(self) -> float:
        """Requests a second at present."""
        return self._rate

    def limit_to(self, rate: float) -> None:
        """Lower the rate to what a rate-limit header says; a higher value changes nothing."""
        if 0 < rate < self._rate:
            self._rate = rate

    def acquire(self) -> None:
        """Take one token, sleeping until there is one."""
        now = self._deadline.now()
        self._tokens = min(self._burst, self._tokens + (now - self._stamp) * self._rate)
        self._stamp = now
        if self._tokens < 1.0:
            self._deadline.wait((1.0 - self._tokens) / self._rate, "the request rate")
            now = self._deadline.now()
            self._tokens = min(self._burst, self._tokens + (now - self._stamp) * self._rate)
            self._stamp = now
        # May dip just below 0 when a sleep returns a hair early; the next call pays it back.
        self._tokens -= 1.0
