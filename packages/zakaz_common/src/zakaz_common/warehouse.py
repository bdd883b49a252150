"""The ClickHouse sink: upserts, tombstones and marts.

Every write is idempotent, because the driver may send an insert twice and a run may die anywhere: a row is
written only if its key is new or its content differs, the newest `_ver` wins, and of equal versions the last
written.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from zakaz_common.columns import Columns, Row, by_column, only, row_count
from zakaz_common.row_hash import row_hashes
from zakaz_common.run_journal import DegradedField, RejectedRecord, RunJournal, RunRecord

__all__ = ["DegradedField", "RejectedRecord", "RunRecord", "Scope", "UpsertResult", "Warehouse"]

_SPARSE = 8  # a key range this many times wider than the batch is read by key, not by range


@dataclass(slots=True)
class UpsertResult:
    """What an upsert did, in rows. `stale_keys` are the keys of rows that are older than what is kept."""

    read: int = 0
    written: int = 0
    unchanged: int = 0
    stale: int = 0
    tombstoned: int = 0
    stale_keys: set[Row] = field(default_factory=set)

    def add(self, other: "UpsertResult") -> None:
        """Add another batch's counts."""
        self.read += other.read
        self.written += other.written
        self.unchanged += other.unchanged
        self.stale += other.stale
        self.tombstoned += other.tombstoned
        self.stale_keys |= other.stale_keys


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of a table that a read covered: a condition with server-side parameters.

    `gone_at` is the `_ver` at which kept rows of the part that were not read are tombstoned; None leaves
    them. Those whose first key column is among `spared` are left in any case: they were not read whole.
    """

    condition: str
    parameters: Mapping[str, Any]
    gone_at: int | None = None
    spared: Collection[Any] = ()


Kept = tuple[int, int]
"""What is kept under a key: content hash and version."""


class Warehouse(RunJournal):
    """The warehouse, as one loader may use it."""

    def upsert(
        self,
        table: str,
        key_columns: Sequence[str],
        columns: Columns,
        *,
        parents: Mapping[int, int] | None = None,
        within: Scope | None = None,
        unhashed: Collection[str] = (),
        kopecks: Collection[str] = (),
    ) -> UpsertResult:
        """Write the rows whose key is new or whose content differs from the newest kept version.

        Parameters: `columns` hold the rows, `_ver` and `key_columns`, the table's whole sorting key, among
        them. Of rows with one key the greatest `_ver` wins, of equal ones the last. A row older than the one
        kept is skipped as stale. With `parents` (values of the first key column, each with its `_ver`), the
        rows are all children of these parents: kept rows of theirs that are not among them are tombstoned,
        unless newer than the parent. `within` covers every row where the first key column is not selective
        enough. `unhashed` columns are not content: a row that differs in them alone, such as in the time of a
        snapshot, is unchanged. Columns in `kopecks` hold whole kopecks.
        """
        result = UpsertResult(read=row_count(columns))
        if not result.read and not parents and (within is None or within.gone_at is None):
            return result
        columns = _newest(key_columns, columns)
        kept = self._kept(table, key_columns, parents or columns[key_columns[0]], within)
        content = [values for name, values in columns.items() if name != "_ver" and name not in unhashed]
        changed: Columns = {**columns, "_row_hash": row_hashes(content)}
        gone: list[Row] = []
        if kept:
            keys = list(zip(*(columns[name] for name in key_columns), strict=True))
            changed = only(changed, _differing(keys, changed["_ver"], changed["_row_hash"], kept, result))
            read, buried_at = set(keys), parents or {}
            otherwise = -1 if within is None or within.gone_at is None else within.gone_at
            spared = within.spared if within else ()
            gone = [
                (*key, buried_at.get(key[0], otherwise))
                for key, (_, version) in kept.items()
                if key not in read and key[0] not in spared and version <= buried_at.get(key[0], otherwise)
            ]
        result.written, result.tombstoned = row_count(changed), len(gone)
        self.insert(table, {**changed, "_is_deleted": [0] * result.written}, kopecks=kopecks)
        self._bury(table, key_columns, gone)
        return result

    def tombstone(
        self,
        table: str,
        key_columns: Sequence[str],
        *,
        scope: str,
        parameters: Mapping[str, Any] | None = None,
        keep: Collection[Any],
    ) -> UpsertResult:
        """Mark as deleted the kept rows within `scope` that are not in `keep`.

        Only after a complete read of the scope. `scope` is a condition with server-side parameters; `keep`
        holds values of the first key column, such as the order ids seen, or whole keys as tuples (a set).
        """
        found = self.query(
            f"SELECT {', '.join(key_columns)}, _ver FROM {self.name(table)} FINAL WHERE {scope}",  # noqa: S608
            parameters,
        )
        gone = [row for row in found if row[0] not in keep and row[:-1] not in keep]
        self._bury(table, key_columns, gone)
        return UpsertResult(read=len(found), tombstoned=len(gone))

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
        # in the scope: another loader may have taken the same number for its own rows
        written = f"SELECT count() FROM {target} WHERE _ver = {version} AND ({scope})"  # noqa: S608
        return int(self.query(written, parameters)[0][0])

    def replace_mart_days(
        self,
        mart: str,
        key_columns: Sequence[str],
        value_columns: Sequence[str],
        desired: str,
        days: Collection[date] | None,
        *,
        day_column: str = "d",
        part: str = "1",
        parameters: Mapping[str, Any] | None = None,
    ) -> int:
        """Recompute a daily mart for `days` (None: every day) from `desired`, in one insert.

        Returns the rows written. Readers see the mart before or after, never between. Vanished keys are
        written as deleted. `part` is a condition over the key columns: the rows of a mart that others write too
        that are the caller's own.
        """
        if days is not None and not days:
            return 0
        scope, bound = part, dict(parameters or {})
        if days is not None:
            scope = f"({part}) AND has({{days:Array(Date)}}, {day_column})"
            bound["days"] = sorted(days)
        return self.reconcile(mart, key_columns, value_columns, desired, scope=scope, parameters=bound)

    def _kept(
        self, table: str, key_columns: Sequence[str], firsts: Collection[Any], within: Scope | None
    ) -> dict[Row, Kept]:
        """What is kept under the keys that begin with `firsts`, or `within` a scope."""
        scopes = [(within.condition, within.parameters)] if within else _key_scopes(key_columns[0], firsts)
        keys = ", ".join(key_columns)
        found: dict[Row, Kept] = {}
        for scope, bound in scopes:
            sql = f"SELECT {keys}, _row_hash, _ver FROM {self.name(table)} FINAL WHERE {scope}"  # noqa: S608
            found |= {row[:-2]: row[-2:] for row in self.query(sql, bound)}
        return found

    def _bury(self, table: str, key_columns: Sequence[str], gone: Sequence[Row]) -> None:
        """Insert tombstones; each row is the key and the version the tombstone carries."""
        self.insert(table, by_column([*key_columns, "_ver", "_is_deleted"], [(*row, 1) for row in gone]))


def _newest(key_columns: Sequence[str], columns: Columns) -> Columns:
    """The rows, one a key: of one key the greatest version, of equal ones the last."""
    count = row_count(columns)
    if any(len(set(columns[name])) == count for name in reversed(key_columns)):  # one column tells it, mostly
        return columns
    newest: dict[Row, int] = {}
    versions = columns["_ver"]
    for position, key in enumerate(zip(*(columns[name] for name in key_columns), strict=True)):
        if key not in newest or versions[position] >= versions[newest[key]]:
            newest[key] = position
    return columns if len(newest) == count else only(columns, list(newest.values()))


def _differing(
    keys: Iterable[Row],
    versions: Sequence[int],
    hashes: Sequence[int],
    kept: Mapping[Row, Kept],
    result: UpsertResult,
) -> list[int]:
    """Positions of the rows that are new or differ from what is kept; the others are counted."""
    changed: list[int] = []
    for position, key in enumerate(keys):
        before = kept.get(key)
        if before is not None:
            if before[1] > versions[position]:
                result.stale += 1
                result.stale_keys.add(key)
                continue
            if before[0] == hashes[position]:
                result.unchanged += 1
                continue
        changed.append(position)
    return changed


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
    least, most = min(values), max(values)
    if most - least < _SPARSE * len(values):
        yield f"{column} BETWEEN {least} AND {most}", {}
        return
    numbers = sorted(values)
    for start in range(0, len(numbers), 10_000):
        chunk = numbers[start : start + 10_000]
        yield f"{column} IN ({','.join(map(str, chunk))})", {}
