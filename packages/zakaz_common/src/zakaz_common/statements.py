"""Statements of a loader to ClickHouse: pinned settings, retries by what an error means, one deadline.

Errors, patience and settings are those of `zakaz_clickhouse`, as everywhere; the transport is clickhouse-connect, which
gives rows their types and binds parameters. Every statement must be safe to repeat: the driver itself may send an
insert twice when the connection breaks.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Self, TypeVar

import clickhouse_connect
import structlog
from clickhouse_connect.driver.client import Client
from zakaz_clickhouse.failures import ClickHouseFailure
from zakaz_clickhouse.patience import patiently
from zakaz_clickhouse.settings import INSERT_SETTINGS, READ_SETTINGS

from zakaz_common.columns import Columns, Row, row_count
from zakaz_common.deadline import Deadline
from zakaz_common.errors import ConfigError, DataError
from zakaz_common.native_block import BlockError, encode_block
from zakaz_common.settings import CommonSettings
from zakaz_common.warehouse_errors import DRIVER_ERRORS, as_loader_error, driver_failure

T = TypeVar("T")
log = structlog.get_logger()


class Statements:
    """A connection to ClickHouse that waits out passing failures.

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
        self._types: dict[str, dict[str, str]] = {}
        self._deadline = deadline
        self._database = database
        self._where = where
        self.retry_seconds = retry_seconds
        self._backoff = (backoff_initial, backoff_max)

    @classmethod
    def from_settings(cls, settings: CommonSettings, deadline: Deadline, client_name: str) -> Self:
        """The server the settings name. Connects at the first statement."""

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
    def from_client(cls, client: Client, deadline: Deadline, **options: Any) -> Self:
        """Over an open client: tests and benchmarks pass the engine in process."""
        return cls(lambda: client, deadline, **options)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

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

    def insert(self, table: str, columns: Columns, *, kopecks: Collection[str] = ()) -> None:
        """One insert of one block; none when there are no rows. It must be safe to repeat.

        `kopecks` names money columns whose values are whole kopecks. Raises DataError when a value does not fit.
        """
        if not row_count(columns):
            return
        target = self.name(table)
        types = self.column_types(target)
        missing = [name for name in columns if name not in types]
        if missing:
            raise ConfigError(f"{target} has no column {missing[0]}; apply the schema, then run the loader again")
        names = list(columns)
        try:
            block = encode_block(names, [types[name] for name in names], list(columns.values()), kopecks)
        except BlockError as error:
            raise DataError(f"{target}: {error}") from None
        self._call(
            lambda client: client.raw_insert(
                target, column_names=names, insert_block=block, fmt="Native", settings=dict(INSERT_SETTINGS)
            )
        )

    def column_types(self, target: str) -> dict[str, str]:
        """Types of a table's columns by name, as they were when first asked for."""
        if target not in self._types:
            self._types[target] = {str(row[0]): str(row[1]) for row in self.query(f"DESCRIBE TABLE {target}")}
        return self._types[target]

    def name(self, table: str) -> str:
        """The table with its database: the loader's own unless it names one."""
        return table if "." in table else f"{self._database}.{table}"

    def _call(self, statement: Callable[[Client], T]) -> T:
        def pause(wait: float, failure: ClickHouseFailure) -> None:
            if wait > self._deadline.remaining():
                raise failure
            log.warning("clickhouse_retry", cause=str(as_loader_error(failure, self._where)), wait_s=wait)
            self._deadline.wait(wait, "ClickHouse")

        first, most = self._backoff
        try:
            return patiently(
                lambda: self._once(statement),
                self.retry_seconds,
                pause=pause,
                clock=self._deadline.now,
                first=first,
                most=most,
            )
        except ClickHouseFailure as failure:
            raise as_loader_error(failure, self._where) from None

    def _once(self, statement: Callable[[Client], T]) -> T:
        try:
            if self._client is None:
                self._client = self._factory()
            return statement(self._client)
        except DRIVER_ERRORS as error:
            raise driver_failure(error) from None
