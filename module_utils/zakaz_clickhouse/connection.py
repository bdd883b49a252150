"""A ClickHouse that answers: the small interface all programs ask, and its HTTP form.

The HTTP form speaks the documented HTTP interface with urllib3, which comes with requests: importing
clickhouse-connect takes longer than an unchanged apply may.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlencode

from .failures import EngineFailure, Meaning, Unreachable, engine_failure, refused_login
from .literals import quote_object
from .settings import INSERT_SETTINGS

# Characters of settings and parameters that go into the URL.
_LONGEST_URL = 8000

# what a module that connects takes; described in plugins/doc_fragments/clickhouse_connection.py
CONNECTION_OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 8123},
    "secure": {"type": "bool", "default": False},
    "ca_bundle": {"type": "path"},
    "username": {"type": "str", "default": "default"},
    "password": {"type": "str", "default": "", "no_log": True},
}


class Connection(Protocol):
    """What programs ask of an engine."""

    def execute(self, sql: str, settings: Mapping[str, Any] | None = None) -> str:
        """Run one statement and return the text of its answer.

        :raises EngineFailure: the engine refused it.
        :raises Unreachable: no engine answered.
        """
        ...


def rows(connection: Connection, sql: str, settings: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Run a SELECT and return its rows as dictionaries."""
    text = connection.execute(f"{sql}\nFORMAT JSONEachRow", settings)
    return [json.loads(line) for line in text.splitlines() if line]


def value(connection: Connection, sql: str) -> Any:
    """Run a SELECT of one row and one column."""
    found = rows(connection, sql)
    return next(iter(found[0].values())) if found else None


def append(connection: Connection, table: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to a table in one insert; none when there are no records.

    :param table: ``database.table``.
    :param records: rows of the same columns.
    """
    if records:
        data = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
        sql = f"INSERT INTO {quote_object(table)} ({', '.join(records[0])}) FORMAT JSONEachRow\n{data}"
        connection.execute(sql, INSERT_SETTINGS)


def connect(params: Mapping[str, Any]) -> HttpConnection:
    """The connection that a module's parameters describe: :data:`CONNECTION_OPTIONS`, and ``timeout`` in seconds."""
    return HttpConnection(
        params["host"],
        params["port"],
        params["username"],
        params["password"],
        secure=params["secure"],
        timeout=params["timeout"],
        ca_bundle=params["ca_bundle"] or "",
    )


class HttpConnection:
    """ClickHouse over HTTP.

    :param host: name or address, IPv6 with or without brackets.
    :param port: HTTP port.
    :param username: user; sent in a header, as is the password.
    :param password: its password.
    :param secure: HTTPS, certificates verified.
    :param timeout: seconds one statement may take.
    :param ca_bundle: file of certificate authorities; the system's when empty.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str = "default",
        password: str = "",
        *,
        secure: bool = False,
        timeout: float = 3600,
        ca_bundle: str = "",
    ) -> None:
        import urllib3

        self._urllib3 = urllib3
        self._username = username
        address = f"[{host}]" if ":" in host and not host.startswith("[") else host
        self._where = f"{'https' if secure else 'http'}://{address}:{port}/"
        tls: dict[str, Any] = {"ca_certs": ca_bundle} if secure and ca_bundle else {}
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=10, read=timeout),
            # a statement is never sent twice behind the caller's back
            retries=False,
            headers={"X-ClickHouse-User": username, "X-ClickHouse-Key": password},
            **tls,
        )

    def execute(self, sql: str, settings: Mapping[str, Any] | None = None) -> str:
        """See :meth:`Connection.execute`. Keys ``param_x`` of ``settings`` fill ``{x:Type}``."""
        # wait_end_of_query: an error in the middle of an answer comes as a status, not as rows
        options = {"wait_end_of_query": "1", **{key: str(item) for key, item in (settings or {}).items()}}
        content: dict[str, Any] = {"body": sql.encode()}
        if sum(map(len, options.values())) > _LONGEST_URL:
            # a form: servers and proxies cut or refuse long URLs
            values = {key: options.pop(key) for key in list(options) if key.startswith("param_")}
            content = {"fields": {"query": sql, **values}}
        try:
            answer = self._pool.request("POST", f"{self._where}?{urlencode(options)}", **content)
        except self._urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"ClickHouse does not answer at {self._where}: {_cause(error)}") from error
        text = answer.data.decode("utf-8", "replace")
        if answer.status != 200:
            failure = engine_failure(text or f"HTTP status {answer.status}", answer.status)
            if failure.meaning is Meaning.LOGIN:
                raise EngineFailure(f"{refused_login(self._where, self._username)}.", failure.code)
            raise failure
        return text


def _cause(error: BaseException) -> str:
    """The innermost reason of a transport error, without object addresses."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return re.sub(r"<[^>]*>:?\s*", "", str(error)) or type(error).__name__
