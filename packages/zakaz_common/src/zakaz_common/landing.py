"""A batch lands while the next one is read: ClickHouse's time is no longer the reader's."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import TracebackType
from typing import ParamSpec, Self

P = ParamSpec("P")


class Landing:
    """Lands batches in a thread of its own, one at a time and in order.

    Leaving the context waits for the batch under way; its error is raised by the next `put` or on leaving, unless
    another error is on its way out.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "landing")
        self._under_way: Future[None] | None = None

    def put(self, land: Callable[P, None], *batch: P.args, **options: P.kwargs) -> None:
        """Wait until the batch before has landed, then begin with this one: call `land` with it."""
        self._settle()
        self._under_way = self._thread.submit(copy_context().run, partial(land, *batch, **options))

    def _settle(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            under_way.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._settle()
        finally:
            self._thread.shutdown()
