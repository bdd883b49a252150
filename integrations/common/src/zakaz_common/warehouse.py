"""The ClickHouse sink: upserts, tombstones and marts.

Every write is idempotent, because the driver may send an insert twice and a run may die anywhere: a row is
written only if its key is new or its content differs, the newest `_ver` wins, and of equal versions the last
written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from operator import itemgetter
from typing import Any

from zakaz_common.row_hash import row_hashes
from zakaz_common.run_journal import RejectedRecord, RunJournal, RunRecord
from zakaz_common.statements import Row

__all__ = ["RejectedRecord", "RunRecord", "Scope", "UpsertResult", "Warehouse"]

_SPARSE = 8  # a key range this many times wider than the batch is read by key, not by range


@dataclass(slots=True)
class UpsertResult:
    """What an upsert did, in rows.

    `watched` holds the watched column's values of what changed, old and new; `stale_keys` the keys of rows that
    are older than what is kept.
    """

    read: int = 0
    written: int = 0
    unchanged: int = 0
    stale: int = 0
    tombstoned: int = 0
    watched: set[Any] = field(default_factory=set)
    stale_keys: set[Row] = field(default_factory=set)

    def add(self, other: "UpsertResult") -> None:
        """Add another batch's counts."""
        self.read += other.read
        self.written += other.written
        self.unchanged += other.unchanged
        self.stale += other.stale
        self.tombstoned += other.tombstoned
        self.watched |= other.watched
        self.stale_keys |= other.stale_keys


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a table that a read covered: a condition with server-side parameters.

    `gone_at` is the `_ver` at which kept rows of the part that were not read are tombstoned; None leaves
    them.
    """

    condition: str
    parameters: Mapping[str, Any]
    gone_at: int | None = None


Kept = tuple[int, int, Any]
"""What is kept under a key: content hash, version, watched value."""


class Warehouse(RunJournal):
    """The warehouse, as one loader may use it."""

    def upsert(
        self,
        table: str,
        key_columns: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        parents: Mapping[int, int] | None = None,
        within: Scope | None = None,
        unhashed: Collection[str] = (),
        kopecks: Collection[str] = (),
        watch: str | None = None,
    ) -> UpsertResult:
        """Write the rows whose key is new or whose content differs from the newest kept version.

        Parameters: `columns` name the values of each row, `_ver` among them; `key_columns` are the table's
        whole sorting key, all in `columns`. Of rows with one key the greatest `_ver` wins, of equal ones the
        last. A row older than the one kept is skipped as stale. With `parents` (values of the first key column,
        each with its `_ver`), `rows` are all children of these parents: kept rows of theirs that are not in
        `rows` are tombstoned, unless newer than the parent. `within` covers every row where the first key
        column is not selective enough. `unhashed` columns are not content: a row that differs in them alone,
        such as in the time of a snapshot, is unchanged. Columns in `kopecks` hold whole kopecks. `watch` names a
        column whose values before and after the change are collected in the result, such as the day a mart has
        to be computed for.
        """
        result = UpsertResult(read=len(rows))
        if not rows and not parents and (within is None or within.gone_at is None):
            return result
        at = {name: position for position, name in enumerate(columns)}
        ver_at = at["_ver"]
        newest = _newest(rows, [at[name] for name in key_columns], ver_at)
        kept = self._kept(table, key_columns, newest, parents, within, watch)
        content = [i for i, name in enumerate(columns) if name != "_ver" and name not in unhashed]
        digests = list(row_hashes(newest.values(), content))
        changed: list[Row] = list(newest.values())
        if kept:
            changed, digests = self._differing(newest, digests, kept, ver_at, result)
        if watch:
            result.watched.update(row[at[watch]] for row in changed)
        if changed:
            data = [*zip(*changed, strict=True), digests, [0] * len(changed)]
            self.insert_columns(table, [*columns, "_row_hash", "_is_deleted"], data, kopecks=kopecks)
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
        """Mark as deleted the kept rows within `scope` that are not in `keep`.

        Only after a complete read of the scope. `scope` is a condition with server-side parameters; `keep`
        holds values of the first key column, such as the order ids seen, or whole keys as tuples (a set).
        """
        keys = ", ".join(key_columns)
        extra = f", {watch}" if watch else ""
        found = self.query(
            f"SELECT {keys}, _ver{extra} FROM {self.name(table)} FINAL WHERE {scope}",  # noqa: S608
            parameters,
        )
        width = len(key_columns)
        gone = [row for row in found if row[0] not in keep and row[:width] not in keep]
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
        """Make `table` equal to the SELECT `desired` with one insert of the rows that differ; counts them.

        Keys that are in the table and no longer in `desired` are written as deleted (`deletes`). `scope` is a
        condition over the key columns that both sides are restricted to. Nothing differs: nothing is written.
        """
        target = self.name(table)
        version = int(self.query(f"SELECT max(_ver) + 1 FROM {target}")[0][0])  # noqa: S608
        keys, values = ", ".join(key_columns), ", ".join(value_columns)
        picked = ", ".join(f"anyIf(t.{name}, t.side = 1)" for name in value_columns)
        inner = ", ".join(f"t.{name}" for name in key_columns)
        flag, flag_value = (", _is_deleted", ", countIf(t.side = 1) = 0") if deletes else ("", "")
        having = "count() = 1 OR uniqExact(tuple(" + ", ".join(f"t.{name}" for name in value_columns) + ")) > 1"
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
        """Recompute a daily mart for `days` (None: every day) from `desired`, in one insert.

        Returns the rows written. Readers see the mart before or after, never between. Vanished keys are
        written as deleted.
        """
        if days is not None and not days:
            return 0
        scope, bound = "1", dict(parameters or {})
        if days is not None:
            scope = f"has({{days:Array(Date)}}, {day_column})"
            bound["days"] = sorted(days)
        return self.reconcile(mart, key_columns, value_columns, desired, scope=scope, parameters=bound)

    @staticmethod
    def _differing(
        newest: Mapping[Row, Row], digests: list[int], kept: Mapping[Row, Kept], ver_at: int, result: UpsertResult
    ) -> tuple[list[Row], list[int]]:
        """The rows that are new or differ from what is kept, each with its hash; the others are counted."""
        changed: list[Row] = []
        changed_digests: list[int] = []
        for (key, row), digest in zip(newest.items(), digests, strict=True):
            before = kept.get(key)
            if before is not None:
                if before[1] > row[ver_at]:
                    result.stale += 1
                    result.stale_keys.add(key)
                    continue
                if before[0] == digest:
                    result.unchanged += 1
                    continue
                if before[2] is not None:
                    result.watched.add(before[2])
            changed.append(row)
            changed_digests.append(digest)
        return changed, changed_digests

    def _kept(
        self,
        table: str,
        key_columns: Sequence[str],
        newest: Mapping[Row, Row],
        parents: Mapping[int, int] | None,
        within: Scope | None,
        watch: str | None,
    ) -> dict[Row, Kept]:
        """Content hash, version and watched value of the kept rows these keys and parents may meet."""
        firsts = {key[0] for key in newest} | set(parents or ())
        scopes = [(within.condition, within.parameters)] if within else _key_scopes(key_columns[0], firsts)
        keys, extra, width = ", ".join(key_columns), f", {watch}" if watch else "", len(key_columns)
        found: dict[Row, Kept] = {}
        for scope, bound in scopes:
            sql = f"SELECT {keys}, _row_hash, _ver{extra} FROM {self.name(table)} FINAL WHERE {scope}"  # noqa: S608
            for row in self.query(sql, bound):
                found[row[:width]] = (row[width], row[width + 1], row[width + 2] if watch else None)
        return found

    def _bury(self, table: str, key_columns: Sequence[str], gone: Sequence[Row]) -> None:
        """Insert tombstones; each row is the key and the version the tombstone carries."""
        self.insert(table, [*key_columns, "_ver", "_is_deleted"], [(*row, 1) for row in gone])

    def city_aliases(self) -> dict[str, str]:
        """`dim_city_alias`: spelling to city."""
        table = self.name("dim_city_alias")
        rows = self.query(f"SELECT alias, city FROM {table} FINAL")  # noqa: S608
        return {str(alias): str(city) for alias, city in rows}


def _newest(rows: Sequence[Row], key_at: Sequence[int], ver_at: int) -> dict[Row, Row]:
    """Rows by key; of one key the greatest version, of equal ones the last."""
    keys = list(zip(*(map(itemgetter(i), rows) for i in key_at), strict=True))
    newest = dict(zip(keys, rows, strict=True))
    if len(newest) == len(rows):
        return newest
    newest = {}
    for key, row in zip(keys, rows, strict=True):
        seen = newest.get(key)
        if seen is None or row[ver_at] >= seen[ver_at]:
            newest[key] = row
    return newest


def _key_scopes(column: str, values: Collection[Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Conditions, with their parameters, that together cover the values of the first key column."""
    if not values:
        return
    sample = next(iter(values))
    if isinstance(sample, str):
        yield f"{column} IN {{firsts:Array(String)}}", {"firsts": sorted(values)}
        return
    if isinstance(sample, date):
        yield f"{column} BETWEEN toDate('{min(values)}') AND toDate('{max(values)}')", {}
        return
    numbers = sorted(int(value) for value in values)
    if numbers[-1] - numbers[0] < _SPARSE * len(numbers):
        yield f"{column} BETWEEN {numbers[0]} AND {numbers[-1]}", {}
        return
    for start in range(0, len(numbers), 10_000):
        chunk = numbers[start : start + 10_000]
        yield f"{column} IN ({','.join(map(str, chunk))})", {}
