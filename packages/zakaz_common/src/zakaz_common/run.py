"""The run contract: one lock, one deadline, one run row, one last line.

Data lands first, then the run's row, then the watermarks: a run killed anywhere is repeated whole by the next
one, whose upserts write only what is missing. A run that fails keeps the marks of the parts it settled.
"""

import re
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from types import FrameType
from typing import Any
from uuid import UUID, uuid4

import structlog

from zakaz_common.deadline import Deadline
from zakaz_common.errors import (
    EXIT_IO,
    EXIT_OK,
    DataError,
    LoaderError,
    StoppedError,
    TryLaterError,
    UnavailableError,
)
from zakaz_common.moscow import now_moscow
from zakaz_common.run_journal import DegradedCount, DegradedField
from zakaz_common.run_lock import run_lock
from zakaz_common.run_log import answer_log
from zakaz_common.run_metrics import write_metrics
from zakaz_common.settings import CommonSettings
from zakaz_common.warehouse import RejectedRecord, RunRecord, UpsertResult, Warehouse

log = structlog.get_logger()

_GRACE_SECONDS = 20.0
_SHOWN_DEGRADED = 20
_RATIO_FLOOR = 20  # fewer rejected rows than this of a handful read are no ratio to judge by
_POSITION = re.compile(r"\[[^\]]*\]")
_Part = tuple[str, str]  # a dataset and a part of it


class TooManyRejectedError(DataError):
    """More of a dataset was rejected than LOADER_MAX_REJECTED_RATIO allows."""


@dataclass(slots=True)
class RunContext:
    """What a run works with, and what it has done so far."""

    loader: str
    run_id: UUID
    mode: str
    settings: Any
    deadline: Deadline
    _warehouse: Warehouse | None
    dry_run: bool = False
    started_at: datetime = field(default_factory=now_moscow)
    window_from: datetime | None = None
    window_to: datetime | None = None
    rows_read: int = 0
    rows_written: int = 0
    rows_rejected: int = 0
    rows_by_stage: Counter[str] = field(default_factory=Counter)
    fields_degraded: int = 0
    watermarks: dict[str, datetime] = field(default_factory=dict)
    settled: dict[str, datetime] = field(default_factory=dict)  # marks of parts done, whatever becomes of the others
    extra: dict[str, Any] = field(default_factory=dict)
    _requests: list[Mapping[str, int]] = field(default_factory=list)
    _read: Counter[_Part] = field(default_factory=Counter)
    _rejected: Counter[_Part] = field(default_factory=Counter)
    _degraded: dict[tuple[str, str, str], tuple[int, str]] = field(default_factory=dict)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse; a dry run has none, and asking for it there is a mistake of the loader."""
        if self._warehouse is None:
            raise RuntimeError("a dry run has no warehouse")
        return self._warehouse

    def count_requests_of(self, requests: Mapping[str, int]) -> None:
        """Add a client's request counter (by status code) to the run's figures."""
        self._requests.append(requests)

    def requests(self) -> Counter[str]:
        """Requests so far by status code."""
        total: Counter[str] = Counter()
        for counter in self._requests:
            total.update(counter)
        return total

    def wrote(self, stage: str, result: UpsertResult | int) -> None:
        """Count rows written (new, changed or tombstoned) under `stage`, a table's name."""
        rows = result if isinstance(result, int) else result.written + result.tombstoned
        self.rows_written += rows
        self.rows_by_stage[stage] += rows

    def read(self, dataset: str, records: int, *, part: str = "") -> None:
        """Count records read of a dataset, rejected ones included; `part` of it, such as an account, counts apart."""
        self.rows_read += records
        self._read[dataset, part] += records

    def reject(self, records: Iterable[RejectedRecord], *, part: str = "", judged: bool = True) -> None:
        """Put records into the dead-letter table and count them, by dataset and `part`.

        Records that are not `judged` do not count towards the share that fails the run.
        """
        batch = list(records)
        if not batch:
            return
        self.rows_rejected += len(batch)
        if judged:
            self._rejected.update((record.dataset, part) for record in batch)
        for record in batch[:20]:
            log.warning(
                "record_rejected",
                dataset=record.dataset,
                key=record.key,
                path=record.path,
                reason=record.reason,
            )
        if self._warehouse is not None:
            self._warehouse.reject(self.loader, self.run_id, batch)

    def degrade(self, fields: Iterable[DegradedField]) -> None:
        """Count fields that no figure needs and that could not be read; their records are loaded without them."""
        for one in fields:
            self.fields_degraded += 1
            # A list's positions and ids are not part of the place: one row for all its items.
            kind = (one.dataset, _POSITION.sub("[]", one.path), one.reason)
            count, example = self._degraded.get(kind, (0, one.key))
            self._degraded[kind] = (count + 1, example)

    def degraded_counts(self) -> list[DegradedCount]:
        """What was degraded so far, most first."""
        counts = [DegradedCount(*kind, count, example) for kind, (count, example) in self._degraded.items()]
        return sorted(counts, key=lambda one: (-one.records, one.dataset, one.path, one.reason))

    def check_rejected_ratio(self, only: str | None = None) -> None:
        """Raise TooManyRejectedError when too large a share of any one dataset was rejected, whatever the others are.

        With `only`, of those of this part.
        """
        allowed = self.settings.loader_max_rejected_ratio
        for (dataset, part), rejected in sorted(self._rejected.items()):
            if only is not None and part != only:
                continue
            read = max(self._read[dataset, part] or self.rows_read, rejected)
            ratio = rejected / read
            if ratio > allowed and (rejected >= _RATIO_FLOOR or ratio > 0.5 or allowed == 0):
                of = f"{dataset} of {part}" if part else dataset
                raise TooManyRejectedError(
                    f"{rejected} of {read} {of} were rejected ({ratio:.1%}), at most "
                    f"{allowed:.1%} are allowed (LOADER_MAX_REJECTED_RATIO); "
                    "the reasons are in meta.rejected_records"
                )


def run_loader(
    loader: str,
    settings: CommonSettings,
    work: Callable[[RunContext], None],
    *,
    mode: str = "run",
    dry_run: bool = False,
    version: str,
    warehouse: Warehouse | None = None,
    deadline: Deadline | None = None,
    metrics: bool = True,
) -> int:
    """Run `work` under the contract and return the process's exit code.

    Parameters: `mode` is stored in meta.etl_runs (`run`, `backfill`, `import`); a dry run takes no lock, gets
    no warehouse and writes nothing; `warehouse` and `deadline` are given by tests; without `metrics` the metrics
    file is left alone, for small runs whose success must not hide that the scheduled ones fail.
    """
    run_id = uuid4()
    deadline = deadline or Deadline(settings.loader_deadline_seconds)
    started = time.monotonic()
    own_warehouse = None
    if not dry_run and warehouse is None:
        warehouse = own_warehouse = Warehouse.from_settings(settings, deadline, f"zakaz {loader} {version}")
    context = RunContext(loader, run_id, mode, settings, deadline, None if dry_run else warehouse, dry_run)
    structlog.contextvars.bind_contextvars(run_id=str(run_id))
    status, code, error = "success", EXIT_OK, ""
    lock = nullcontext() if dry_run else run_lock(settings.loader_state_dir, loader, str(run_id))
    try:
        with stoppable(deadline), lock:
            log.info("run_started", mode=mode, dry_run=dry_run, version=version)
            try:
                work(context)
                context.check_rejected_ratio()
                if not dry_run:
                    _commit(context, version)
            except Exception as failure:
                status, code, error = _judge(failure)
                if not dry_run:
                    _record_failure(context, failure, status, code, error, version)
    except LoaderError as failure:  # the lock, or a signal outside the work
        status, code, error = _judge(failure)
    duration = time.monotonic() - started
    for count in context.degraded_counts()[:_SHOWN_DEGRADED]:
        log.warning(
            "fields_degraded",
            dataset=count.dataset,
            path=count.path,
            reason=count.reason,
            records=count.records,
            example=count.example_key,
        )
    if own_warehouse is not None:
        own_warehouse.close()
    if settings.loader_metrics_file and metrics and not dry_run:
        write_metrics(
            settings.loader_metrics_file,
            settings.loader_state_dir,
            loader,
            succeeded=code == EXIT_OK,
            finished_at=now_moscow(),
            exit_code=code,
            rows={
                "read": context.rows_read,
                "written": context.rows_written,
                "rejected": context.rows_rejected,
                "degraded": context.fields_degraded,
                **context.rows_by_stage,
            },
            requests=context.requests(),
            slept_seconds=deadline.slept,
            duration_seconds=duration,
            watermark=max(context.watermarks.values(), default=None) if code == EXIT_OK else None,
        )
    summary: dict[str, Any] = {
        "loader": loader,
        "status": status,
        "dry_run": dry_run,
        "mode": mode,
        "run_id": str(run_id),
        "rows_read": context.rows_read,
        "rows_written": context.rows_written,
        "rows_rejected": context.rows_rejected,
        "fields_degraded": context.fields_degraded,
        "requests": dict(context.requests()),
        "slept_s": round(deadline.slept, 1),
        "duration_s": round(duration, 2),
        **context.extra,
    }
    if code == EXIT_OK:
        answer_log().info("run_finished", **summary)
    else:
        log.error("run_failed", **summary, exit_code=code, error=error)
    return code


def _commit(context: RunContext, version: str) -> None:
    _record_degraded(context)
    context.warehouse.record_run(_record(context, "success", EXIT_OK, "", version))
    marks = {**context.settled, **context.watermarks}
    context.warehouse.save_watermarks(context.loader, context.run_id, marks)


def _record_degraded(context: RunContext) -> None:
    context.warehouse.record_degraded(context.loader, context.run_id, context.degraded_counts())


def _record(context: RunContext, status: str, code: int, error: str, version: str) -> RunRecord:
    return RunRecord(
        run_id=context.run_id,
        loader=context.loader,
        mode=context.mode,
        status=status,
        started_at=context.started_at,
        finished_at=now_moscow(),
        window_from=context.window_from,
        window_to=context.window_to,
        rows_read=context.rows_read,
        rows_written=context.rows_written,
        rows_rejected=context.rows_rejected,
        fields_degraded=context.fields_degraded,
        requests=sum(context.requests().values()),
        watermark=max(context.watermarks.values(), default=None) if code == EXIT_OK else None,
        exit_code=code,
        error=error[:1000],
        version=version,
    )


def _record_failure(context: RunContext, failure: Exception, status: str, code: int, error: str, version: str) -> None:
    """Store the failed run's row, if ClickHouse takes it; a failure here never hides the first one."""
    if isinstance(failure, UnavailableError) and "ClickHouse" in error:
        return
    context.deadline.grace(_GRACE_SECONDS)
    # A run that failed early has most of its deadline left; its row is not worth waiting that long.
    context.warehouse.retry_seconds = _GRACE_SECONDS
    try:
        _record_degraded(context)
        context.warehouse.record_run(_record(context, status, code, error, version))
        context.warehouse.save_watermarks(context.loader, context.run_id, context.settled)
    except LoaderError as second:
        log.warning("run_row_not_written", cause=str(second))


def _judge(failure: Exception) -> tuple[str, int, str]:
    if isinstance(failure, LoaderError):
        return (
            ("stopped" if isinstance(failure, TryLaterError) else "failed"),
            failure.exit_code,
            str(failure),
        )
    # A mistake of the program: say where, never with values, which may be personal data.
    frames = traceback.extract_tb(failure.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    own = next((f for f in reversed(frames) if "site-packages" not in f.filename), None)
    via = f", called at {own.filename.rsplit('/', 1)[-1]}:{own.lineno}" if own and own is not frames[-1] else ""
    return "failed", EXIT_IO, f"internal error {failure.__class__.__name__} at {place}{via}; please report it"


@contextmanager
def stoppable(deadline: Deadline | None = None) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into StoppedError in the main thread; the deadline keeps it, should it be swallowed."""

    def stop(number: int, _: FrameType | None) -> None:
        error = StoppedError(
            f"{signal.Signals(number).name} asked the run to stop; what was written stays, the next run continues"
        )
        if deadline is not None:
            deadline.stop(error)
        raise error

    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    except ValueError:  # not the main thread: a test
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
