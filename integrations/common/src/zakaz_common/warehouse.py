"""The ClickHouse sink: upserts, tombstones, marts and the records of a run.

Every statement carries its own settings: defaults differ between versions (async_insert, insert threads), and
a server's profile may set them. Every write is idempotent, because the driver may send an insert twice and a
run may die anywhere: a row is written only if its key is new or its content differs, the newest `_ver` wins,
and of equal versions the last written.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import clickhouse_connect
import stamina
import structlog
from clickhouse_connect.driver.client import Client

from zakaz_common.deadline import Deadline
from zakaz_common.errors import DeadlineExceededError, LoaderError
from zakaz_common.moscow import MOSCOW, now_moscow
from zakaz_common.row_hash import row_hashes
from zakaz_common.settings import CommonSettings
from zakaz_common.warehouse_errors import DRIVER_ERRORS, as_loader_error, is_passing

T = TypeVar("T")
Row = tuple[Any, ...]
log = structlog.get_logger()

READ_SETTINGS: Mapping[str, Any] = {
    "do_not_merge_across_partitions_select_final": 0,
    "join_use_nulls": 0,
    "max_execution_time": 300,
}
INSERT_SETTINGS: Mapping[str, Any] = {
    "async_insert": 0,
    "max_insert_threads": 1,
    # One block, one part: an insert is seen whole or not at all, even when its maker is killed.
    "min_insert_block_size_rows": 100_000_000,
    "min_insert_block_size_bytes": 4 << 30,
    "date_time_input_format": "best_effort",
}
_SPARSE = 8  # a key range this many times wider than the batch is read by key, not by range


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record that could not be loaded. No field may hold personal data: key, place and reason only."""

    dataset: str
    key: str
    path: str
    reason: str


@dataclass(slots=True)
class UpsertResult:
    """What an upsert did, in rows.

    `watched` holds the watched column's values of what changed, old and new.
    """

    read: int = 0
    written: int = 0
    unchanged: int = 0
    stale: int = 0
    tombstoned: int = 0
    watched: set[Any] = field(default_factory=set)

    def add(self, other: "UpsertResult") -> None:
        """Add another batch's counts."""
        self.read += other.read
        self.written += other.written
        self.unchanged += other.unchanged
        self.stale += other.stale
        self.tombstoned += other.tombstoned
        self.watched |= other.watched


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a table that a read covered: a condition with server-side parameters.

    `gone_at` is the `_ver` at which kept rows of the part that were not read are tombstoned; None leaves
    them.
    """

    condition: str
    parameters: Mapping[str, Any]
    gone_at: int | None = None


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
    requests: int
    watermark: datetime | None
    exit_code: int
    error: str
    version: str


class Warehouse:
    """The warehouse, as one loader may use it.

    Parameters: `client_factory` makes a clickhouse-connect client (called again after a failure to connect);
    `where` names the server in messages; `retry_seconds` bounds how long passing failures are waited out,
    within the run's deadline.
    """

    def __init__(
        self,
        client_factory: Callable[[], Client],
        deadline: Deadline,
        *,
        database: str = "zakaz",
        where: str = "clickhouse",
        retry_seconds: float = float("inf"),
        backoff_initial: float = 0.5,
        backoff_max: float = 15.0,
    ) -> None:
        self._factory = client_factory
        self._client: Client | None = None
        self._deadline = deadline
        self._database = database
        self._where = where
        self.retry_seconds = retry_seconds
        self._backoff = (backoff_initial, backoff_max)

    @classmethod
    def from_settings(cls, settings: CommonSettings, deadline: Deadline, client_name: str) -> "Warehouse":
        """The warehouse the settings name. Connects at the first statement."""

        def connect() -> Client:
            return clickhouse_connect.get_client(
                host=settings.clickhouse_host,
                port=settings.clickhouse_port,
                secure=settings.clickhouse_secure,
                username=settings.clickhouse_user,
                password=settings.clickhouse_password.get_secret_value(),
                client_name=client_name,
                connect_timeout=10,
                send_receive_timeout=300,
                query_retries=0,  # the retries are this module's
                autogenerate_session_id=False,
                compress="lz4",
            )

        where = f"{settings.clickhouse_host}:{settings.clickhouse_port}"
        return cls(connect, deadline, database=settings.clickhouse_database, where=where)

    @classmethod
    def from_client(cls, client: Client, deadline: Deadline, **options: Any) -> "Warehouse":
        """A warehouse over an open client: tests and benchmarks pass the engine in process."""
        return cls(lambda: client, deadline, **options)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # -- statements

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of a SELECT.

        Select moments as `toUnixTimestamp(x)`: the zone a driver returns differs by path.
        """
        rows = self._call(
            lambda client: (
                client.query(sql, parameters=dict(parameters or {}), settings=dict(READ_SETTINGS)).result_rows
            )
        )
        return [tuple(row) for row in rows]

    def command(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        """A statement without rows, sent with the insert settings. It must be safe to repeat."""
        settings = {**READ_SETTINGS, **INSERT_SETTINGS}
        self._call(lambda client: client.command(sql, parameters=dict(parameters or {}), settings=settings))

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """One insert of one block, by columns. It must be safe to repeat."""
        if not rows:
            return
        data = [list(column) for column in zip(*rows, strict=True)]
        self._call(
            lambda client: client.insert(
                self.name(table),
                data,
                column_names=list(columns),
                column_oriented=True,
                settings=dict(INSERT_SETTINGS),
            )
        )

    def name(self, table: str) -> str:
        """The table with its database: the loader's own unless it names one."""
        return table if "." in table else f"{self._database}.{table}"

    # -- rows

    def upsert(
        self,
        table: str,
        key_columns: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        parents: Mapping[int, int] | None = None,
        within: Scope | None = None,
        watch: str | None = None,
    ) -> UpsertResult:
        """Write the rows whose key is new or whose content differs from the newest kept version.

        Parameters: `columns` name the values of each row, `_ver` among them; `key_columns` are the table's
        whole sorting key, all in `columns`, the first an integer or a date. Of rows with one key the greatest
        `_ver` wins, of equal ones the last. A row older than the one kept is skipped as stale. With `parents`
        (values of the first key column, each with its `_ver`), `rows` are all children of these parents: kept
        rows of theirs that are not in `rows` are tombstoned, unless newer than the parent. `within` covers
        every row where the first key column is not selective enough (or text). `watch` names a column whose
        values before and after the change are collected in the result, such as the day a mart has to be
        computed for.
        """
        result = UpsertResult(read=len(rows))
        if not rows and not parents and (within is None or within.gone_at is None):
            return result
        at = {name: position for position, name in enumerate(columns)}
        key_at = [at[name] for name in key_columns]
        ver_at = at["_ver"]
        newest: dict[Row, Row] = {}
        for row in rows:
            key = tuple(row[i] for i in key_at)
            seen = newest.get(key)
            if seen is None or row[ver_at] >= seen[ver_at]:
                newest[key] = row
        kept = self._kept(table, key_columns, newest, parents, within, watch)
        hashes = row_hashes(newest.values(), skip=ver_at)
        changed: list[Row] = []
        for (key, row), content in zip(newest.items(), hashes, strict=True):
            before = kept.get(key)
            if before is not None:
                if before[1] > row[ver_at]:
                    result.stale += 1
                    continue
                if before[0] == content:
                    result.unchanged += 1
                    continue
                if watch:
                    result.watched.add(before[2])
            if watch:
                result.watched.add(row[at[watch]])
            changed.append((*row, content, 0))
        self.insert(table, [*columns, "_row_hash", "_is_deleted"], changed)
        result.written = len(changed)
        if parents or (within is not None and within.gone_at is not None):
            known = parents or {}
            least = -1 if within is None or within.gone_at is None else within.gone_at
            gone = [
                (*key, max(before[1], known.get(key[0], least)))
                for key, before in kept.items()
                if key not in newest and known.get(key[0], least) >= before[1]
            ]
            if watch:
                result.watched |= {kept[key[:-1]][2] for key in gone}
            self._bury(table, key_columns, gone)
            result.tombstoned = len(gone)
        return result

    def tombstone(
        self,
        table: str,
        key_columns: Sequence[str],
        *,
        scope: str,
        parameters: Mapping[str, Any] | None = None,
        keep: Collection[Any],
        watch: str | None = None,
    ) -> UpsertResult:
        """Mark as deleted the kept rows within `scope` whose first key is not in `keep`.

        Only after a complete read of the scope. `scope` is a condition with server-side parameters; `keep`
        holds values of the first key column, such as the order ids seen (a set).
        """
        keys = ", ".join(key_columns)
        extra = f", {watch}" if watch else ""
        found = self.query(
            f"SELECT {keys}, _ver{extra} FROM {self.name(table)} FINAL WHERE {scope}",  # noqa: S608
            parameters,
        )
        width = len(key_columns)
        gone = [row for row in found if row[0] not in keep]
        self._bury(table, key_columns, [row[: width + 1] for row in gone])
        result = UpsertResult(read=len(found), tombstoned=len(gone))
        if watch:
            result.watched = {row[width + 1] for row in gone}
        return result

    def reconcile(
        self,
        table: str,
        key_columns: Sequence[str],
        value_columns: Sequence[str],
        desired: str,
        *,
        scope: str = "1",
        parameters: Mapping[str, Any] | None = None,
        deletes: bool = True,
    ) -> int:
        """Make `table` equal to the SELECT `desired` with one insert of the rows that differ; returns their
        number.

        Keys that are in the table and no longer in `desired` are written as deleted (`deletes`). `scope` is a
        condition over the key columns that both sides are restricted to. Nothing differs: nothing is written.
        """
        target = self.name(table)
        version = int(self.query(f"SELECT max(_ver) + 1 FROM {target}")[0][0])  # noqa: S608
        keys, values = ", ".join(key_columns), ", ".join(value_columns)
        picked = ", ".join(f"anyIf(t.{name}, t.side = 1)" for name in value_columns)
        inner = ", ".join(f"t.{name}" for name in key_columns)
        flag, flag_value = (", _is_deleted", ", countIf(t.side = 1) = 0") if deletes else ("", "")
        having = (
            "count() = 1 OR uniqExact(tuple(" + ", ".join(f"t.{name}" for name in value_columns) + ")) > 1"
        )
        if not deletes:
            having = f"countIf(t.side = 1) = 1 AND ({having})"
        self.command(
            f"INSERT INTO {target} ({keys}, {values}, _ver{flag}) "  # noqa: S608
            f"SELECT {inner}, {picked}, {version}{flag_value} FROM ("
            f"SELECT {keys}, {values}, 1 AS side FROM ({desired}) WHERE {scope} "
            f"UNION ALL SELECT {keys}, {values}, 2 AS side FROM {target} FINAL WHERE {scope}"
            f") AS t GROUP BY {inner} HAVING {having}",
            parameters,
        )
        return int(self.query(f"SELECT count() FROM {target} WHERE _ver = {version}")[0][0])  # noqa: S608

    def replace_mart_days(
        self,
        mart: str,
        key_columns: Sequence[str],
        value_columns: Sequence[str],
        desired: str,
        days: Collection[date] | None,
        *,
        day_column: str = "d",
        parameters: Mapping[str, Any] | None = None,
    ) -> int:
        """Recompute a daily mart for `days` (None: every day) from `desired`, in one insert; returns rows
        written.

        Readers see the mart before or after, never between. Vanished keys are written as deleted.
        """
        if days is not None and not days:
            return 0
        scope, bound = "1", dict(parameters or {})
        if days is not None:
            scope = f"has({{days:Array(Date)}}, {day_column})"
            bound["days"] = sorted(days)
        return self.reconcile(mart, key_columns, value_columns, desired, scope=scope, parameters=bound)

    def _kept(
        self,
        table: str,
        key_columns: Sequence[str],
        newest: Mapping[Row, Row],
        parents: Mapping[int, int] | None,
        within: Scope | None,
        watch: str | None,
    ) -> dict[Row, tuple[int, int, Any]]:
        """Content hash, version and watched value of the kept rows these keys and parents may meet."""
        firsts = {key[0] for key in newest} | set(parents or ())
        scopes = [within.condition] if within else _key_scopes(key_columns[0], firsts)
        keys, extra, width = ", ".join(key_columns), f", {watch}" if watch else "", len(key_columns)
        found: dict[Row, tuple[int, int, Any]] = {}
        for scope in scopes:
            sql = f"SELECT {keys}, _row_hash, _ver{extra} FROM {self.name(table)} FINAL WHERE {scope}"  # noqa: S608
            for row in self.query(sql, within.parameters if within else None):
                found[row[:width]] = (row[width], row[width + 1], row[width + 2] if watch else None)
        return found

    def _bury(self, table: str, key_columns: Sequence[str], gone: Sequence[Row]) -> None:
        """Insert tombstones; each row is the key and the version the tombstone carries."""
        self.insert(table, [*key_columns, "_ver", "_is_deleted"], [(*row, 1) for row in gone])

    # -- records of the run

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
        rows = [
            (loader, name, mark, run_id, int(mark.timestamp())) for name, mark in sorted(watermarks.items())
        ]
        self.insert("meta.watermarks", ["loader", "dataset", "watermark", "run_id", "_ver"], rows)

    def record_run(self, record: RunRecord) -> None:
        """Store the run's row."""
        names = list(RunRecord.__slots__)
        self.insert("meta.etl_runs", names, [tuple(getattr(record, name) for name in names)])

    def reject(self, loader: str, run_id: UUID, records: Iterable[RejectedRecord]) -> None:
        """Store records that could not be loaded: their key, place and reason."""
        now = now_moscow()
        rows = [(loader, r.dataset, now, run_id, r.key, r.path, r.reason) for r in records]
        columns = ["loader", "dataset", "rejected_at", "run_id", "record_key", "json_path", "reason"]
        self.insert("meta.rejected_records", columns, rows)

    def city_aliases(self) -> dict[str, str]:
        """`dim_city_alias`: spelling to city."""
        table = self.name("dim_city_alias")
        rows = self.query(f"SELECT alias, city FROM {table} FINAL")  # noqa: S608
        return {str(alias): str(city) for alias, city in rows}

    # -- retries

    def _call(self, statement: Callable[[Client], T]) -> T:
        attempts = 0
        first_failure: float | None = None

        def backoff(error: Exception) -> bool | float:
            nonlocal attempts, first_failure
            if not isinstance(error, DRIVER_ERRORS) or not is_passing(error):
                return False
            attempts += 1
            first_failure = self._deadline.now() if first_failure is None else first_failure
            initial, most = self._backoff
            wait = min(initial * 2 ** (attempts - 1), most)
            if self._deadline.now() + wait - first_failure > self.retry_seconds:
                return False
            if wait > self._deadline.remaining():
                return False
            log.warning("clickhouse_retry", cause=str(as_loader_error(error, self._where)), wait_s=wait)
            self._deadline.wait(wait, "ClickHouse")
            return 0.0

        try:
            for attempt in stamina.retry_context(backoff, attempts=None, timeout=None):
                with attempt:
                    if self._client is None:
                        self._client = self._factory()
                    return statement(self._client)
        except (LoaderError, DeadlineExceededError):
            raise
        except DRIVER_ERRORS as error:
            raise as_loader_error(error, self._where) from None
        raise AssertionError("unreachable")


def _key_scopes(column: str, values: Collection[Any]) -> Iterable[str]:
    """Conditions that together cover the values of the first key column.

    A range, or lists when it is sparse.
    """
    if not values:
        return
    if isinstance(next(iter(values)), date):
        yield f"{column} BETWEEN toDate('{min(values)}') AND toDate('{max(values)}')"
        return
    numbers = sorted(int(value) for value in values)
    if numbers[-1] - numbers[0] < _SPARSE * len(numbers):
        yield f"{column} BETWEEN {numbers[0]} AND {numbers[-1]}"
        return
    for start in range(0, len(numbers), 10_000):
        chunk = numbers[start : start + 10_000]
        yield f"{column} IN ({','.join(map(str, chunk))})"
