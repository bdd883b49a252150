"""The records a run leaves in `meta`: its row, its watermarks, what it rejected. None holds personal data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from zakaz_common.columns import by_column
from zakaz_common.moscow import MOSCOW, now_moscow
from zakaz_common.statements import Statements


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be loaded. No field may hold personal data: key, place and reason only."""

    dataset: str
    key: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class DegradedField:
    """A field no figure needs that could not be read; the record was loaded without it. No personal data."""

    dataset: str
    key: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class DegradedCount:
    """How many records of a run lack a field for one reason, and the key of one of them."""

    dataset: str
    path: str
    reason: str
    records: int
    example_key: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One row of meta.etl_runs."""

    run_id: UUID
    loader: str
    mode: str
    status: str
    started_at: datetime
    finished_at: datetime
    window_from: datetime | None
    window_to: datetime | None
    rows_read: int
    rows_written: int
    rows_rejected: int
    fields_degraded: int
    requests: int
    watermark: datetime | None
    exit_code: int
    error: str
    version: str


class RunJournal(Statements):
    """Reads and writes `meta.*`."""

    def watermark(self, loader: str, dataset: str) -> datetime | None:
        """The stored watermark of a dataset, or None before its first complete run."""
        rows = self.query(
            "SELECT toUnixTimestamp(max(watermark)) FROM meta.watermarks "
            "WHERE loader = {loader:String} AND dataset = {dataset:String} HAVING count() > 0",
            {"loader": loader, "dataset": dataset},
        )
        return datetime.fromtimestamp(int(rows[0][0]), MOSCOW) if rows else None

    def save_watermarks(self, loader: str, run_id: UUID, watermarks: Mapping[str, datetime]) -> None:
        """Store watermarks.

        `_ver` is the watermark itself, so that it never goes back, whatever the clock does.
        """
        rows = [(loader, name, mark, run_id, int(mark.timestamp())) for name, mark in sorted(watermarks.items())]
        self.insert("meta.watermarks", by_column(["loader", "dataset", "watermark", "run_id", "_ver"], rows))

    def record_run(self, record: RunRecord) -> None:
        """Store the run's row."""
        self.insert("meta.etl_runs", {name: [getattr(record, name)] for name in RunRecord.__slots__})

    def reject(self, loader: str, run_id: UUID, records: Iterable[RejectedRecord]) -> None:
        """Store records that could not be loaded: their key, place and reason."""
        now = now_moscow()
        rows = [(loader, r.dataset, now, run_id, r.key, r.path, r.reason) for r in records]
        columns = ["loader", "dataset", "rejected_at", "run_id", "record_key", "json_path", "reason"]
        self.insert("meta.rejected_records", by_column(columns, rows))

    def record_degraded(self, loader: str, run_id: UUID, counts: Iterable[DegradedCount]) -> None:
        """Store what was loaded without a field: one row a field and reason."""
        now = now_moscow()
        rows = [(loader, c.dataset, now, run_id, c.path, c.reason, c.records, c.example_key) for c in counts]
        columns = ["loader", "dataset", "degraded_at", "run_id", "json_path", "reason", "records", "example_key"]
        self.insert("meta.degraded_fields", by_column(columns, rows))
