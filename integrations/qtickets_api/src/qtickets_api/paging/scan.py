"""Reading every record of a list, exactly once, while the list changes.

Paging by number under a filter on a changing column misses records: one that leaves the filter shifts the
others. So the list is read by key: `id > last`, ascending, always page 1. What the server makes of the filter
is checked here on every record, and what it counts (`paging.total`) is compared with what was read. A server
that ignores the filter on `id` is read by page numbers, without any filter, where records only ever join at
the end.
"""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from zakaz_common.errors import DataError
from zakaz_common.run_journal import DegradedField, RejectedRecord

from qtickets_api.paging.pages import Page

R = TypeVar("R", bound=msgspec.Struct)
log = structlog.get_logger()

Fetch = Callable[[dict[str, Any]], Page[Any]]
_ATTEMPTS = 3


@dataclass(slots=True)
class Batch(Generic[R]):
    """Records of one page that passed the filter, and the rejected ones."""

    records: list[R]
    rejected: list[RejectedRecord]
    last_id: int
    total: int
    """Records the server counts for the whole scan, as known so far."""
    ids: list[int] = field(default_factory=list)
    """Ids of all records of the page, where they can be read."""
    unnamed: int = 0
    """Records of the page whose id cannot be read."""
    rejected_parts: list[RejectedRecord] = field(default_factory=list)
    degraded: list[DegradedField] = field(default_factory=list)


@dataclass(slots=True)
class Scan(Generic[R]):
    """One read of a list.

    Parameters: `what` names the list; `fetch` gets one page for a request body; `where` are the conditions to
    send; `keep` repeats them here; `id_of` gives a record's id; `after_id` leaves out what an earlier run has
    landed, `before` is how many records that run was shown, where it is known: the total is then compared over both
    runs. After the iteration `seen` holds the ids of every record the server showed, `complete` is true.
    """

    what: str
    fetch: Fetch
    id_of: Callable[[R], int]
    where: list[dict[str, Any]] = field(default_factory=list)
    keep: Callable[[R], bool] = lambda _: True
    after_id: int = 0
    before: int = 0
    seen: "array[int]" = field(default_factory=lambda: array("Q"))
    read: int = 0
    complete: bool = False
    filter_ignored: bool = False
    by_number: bool = False

    def __iter__(self) -> Iterator[Batch[R]]:
        for attempt in range(1, _ATTEMPTS + 1):
            yield from self._by_number() if self.by_number else self._by_key()
            if self.complete:
                return
            if attempt < _ATTEMPTS:
                log.warning("scan_repeated", what=self.what, attempt=attempt, reason="totals differ")
        raise DataError(
            f"{self.what}: after {_ATTEMPTS} reads the API still counts more records than it shows; "
            "nothing was marked as deleted and the watermark stays: run again later"
        )

    def _by_key(self) -> Iterator[Batch[R]]:
        last, done, first_total, repeats = self.after_id, 0, None, 0
        self.seen = array("Q")
        while True:
            page = self.fetch(self._body([*self.where, _more_than(last)], 1))
            ids = page.ids
            # One record twice on a page is read twice; only the order tells whether the filter was honoured.
            if ids and (ids[0] <= last or any(later < earlier for earlier, later in pairwise(ids))):
                repeats += 1
                if repeats == 1:  # a page sent twice by something between; ask once more
                    continue
                self._ignores_ids()
                return
            repeats = 0
            done += len(page.records) + len(page.rejected)
            first_total = page.paging.total if first_total is None else first_total
            self.seen.extend(ids)
            if page.records or page.rejected:
                if not ids:
                    raise DataError(f"{self.what}: a page holds no record with a readable id")
                last = ids[-1]
                yield self._batch(page, last, first_total)
            if not ids or page.paging.total <= len(page.records) + len(page.rejected):
                break
        counted = 0
        first = 0 if self.before else self.after_id
        if last > first:
            up_to = {"column": "id", "operator": "<=", "value": last}
            closed = [*self.where, _more_than(first), up_to]
            check = self.fetch(self._body(closed, 1))
            if any(not first < shown <= last for shown in check.ids):
                self._ignores_ids()
                return
            counted = check.paging.total
        # Records may leave the window while it is read, never join it: fewer than read is right, more is not.
        self.complete = self.before + done >= counted

    def _ignores_ids(self) -> None:
        log.warning("filter_ignored", what=self.what, columns=["id"], then="a full read by page numbers")
        self.by_number = True

    def _by_number(self) -> Iterator[Batch[R]]:
        number, seen, most, shrank, done = 1, set[int](), 0, False, 0
        while True:
            page = self.fetch(self._body([], number))
            shrank = shrank or page.paging.total < most
            most = max(most, page.paging.total)
            # Counted beside the ids: records without one, and those that came before on this very page.
            done += len(page.records) + len(page.rejected) - len(set(page.ids))
            seen.update(page.ids)
            if page.records or page.rejected:
                yield self._batch(page, 0, page.paging.total)
            if number * page.paging.perPage >= page.paging.total or not (page.records or page.rejected):
                break
            number += 1
        self.seen = array("Q", sorted(seen))
        # A record that vanished while paging shifted the others: one of them may not have been seen.
        self.complete = not shrank and len(seen) + done >= most

    def _body(self, where: list[dict[str, Any]], number: int) -> dict[str, Any]:
        return {"where": where, "orderBy": {"id": "asc"}, "page": number}

    def _batch(self, page: Page[R], last: int, total: int) -> Batch[R]:
        kept = [record for record in page.records if self.keep(record) and self.id_of(record) > self.after_id]
        if len(kept) < len(page.records) and not self.filter_ignored and not self.by_number:
            self.filter_ignored = True
            log.warning(
                "filter_ignored",
                what=self.what,
                columns=sorted({entry["column"] for entry in self.where}),
                then="every record is read and filtered here",
            )
        self.read += len(kept) + len(page.rejected)
        unnamed = len(page.records) + len(page.rejected) - len(page.ids)
        return Batch(kept, page.rejected, last, total, page.ids, unnamed, page.rejected_parts, page.degraded)


def _more_than(last: int) -> dict[str, Any]:
    return {"column": "id", "operator": ">", "value": last}
