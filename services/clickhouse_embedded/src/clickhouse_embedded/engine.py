"""The engine in this process: one data directory, many connections."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import itertools
import json
import os
import sys
import sysconfig
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from .errors import ServerError
from .users import User


def load_extension() -> Any:
    """Load chDB's extension module without the ``chdb`` package.

    The package imports pandas and pyarrow and opens an engine of its own; nothing here needs either.
    RTLD_DEEPBIND, as the package does: the extension must resolve ``operator new`` to its own jemalloc.
    """
    path, flags = Path(sysconfig.get_path("platlib"), "chdb", "_chdb.abi3.so"), sys.getdlopenflags()
    spec = importlib.util.spec_from_file_location("_chdb", path)
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    assert spec and spec.loader
    with contextlib.chdir(path.parent):  # its companion libraries are found relative to the working directory
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    sys.setdlopenflags(flags)
    return module


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what the engine's allocator prints when it starts out of the log; exceptions come another way."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


@dataclass
class Result:
    """What a query returned: its body (empty when it went to a pipe) and the counters of the summary."""

    body: bytes = b""
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_ns: int = 0

    def summary(self) -> str:
        """Value of X-ClickHouse-Summary."""
        rows, size = self.written_rows or self.result_rows, self.written_bytes or len(self.body)
        counters = vars(self) | {"result_rows": rows, "result_bytes": size, "total_rows_to_read": 0, "memory_usage": 0}
        return json.dumps({n: str(v) for n, v in counters.items() if n != "body"}, separators=(",", ":"))


def escape_parameter(value: str | bytes) -> str:
    """A raw string as a query parameter's text: ClickHouse reads parameters in escaped TSV form."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    text = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\0", "\\0")
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text)


def quote(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def identifier(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def setting_statement(settings: Mapping[str, str]) -> bytes:
    """SET for settings; the engine validates them (115 for an unknown one)."""
    assignments = ", ".join(f"{identifier(name)} = {quote(value)}" for name, value in settings.items())
    return f"SET {assignments}".encode("utf-8", "surrogateescape")


class Connection:
    """One engine connection: its settings, current database and temporary tables. Not for two threads at once.

    Attributes:
        tag: value of ``log_comment``, by which a running query is found and cancelled: the engine gives query
            ids itself and tells them to nobody.
        changes: how often a statement changed the connection's state; none may serve other requests then.
    """

    def __init__(self, raw: Any, tag: str = "") -> None:
        self._raw, self.tag, self.changes = raw, tag, 0
        # settings of the request over the session's, and what they cover; None after a failure: neither is known
        self._overlay: Mapping[str, str] | None = {}
        self._covered: dict[str, str] = {}

    def query(
        self, sql: str | bytes, output_format: str = "TabSeparated", params: Mapping[str, str] | None = None
    ) -> Result:
        """Run one statement.

        Args:
            sql: the statement; bytes are passed as they are.
            params: values of ``{name:Type}``, in escaped TSV form.

        Raises:
            ServerError: what the engine threw.
        """
        try:
            if isinstance(sql, str):
                sql = sql.encode("utf-8", "surrogateescape")
            raw = self._raw.query(sql, output_format, params=dict(params or {}))
        except (RuntimeError, UnicodeError) as error:
            # 26.3 keeps a failed query in system.processes, where KILL … SYNC waits for it, until the next one
            with contextlib.suppress(RuntimeError):
                self._raw.query("SELECT 1")
            raise ServerError.from_engine(str(error)) from None
        rows, size = (
            (raw.rows_written(), raw.bytes_written()) if hasattr(raw, "rows_written") else (0, 0)
        )  # not on 26.3
        read_rows, read_bytes = raw.storage_rows_read(), raw.storage_bytes_read()
        return Result(raw.bytes(), read_rows, read_bytes, rows, size, raw.rows_read(), int(raw.elapsed() * 1e9))

    def set(self, settings: Mapping[str, str]) -> None:
        """Apply settings as SET does."""
        if settings:
            self.query(setting_statement(settings))

    def overlay(self, settings: Mapping[str, str]) -> None:
        """Make exactly these settings lie over the connection's own ones, instead of the last overlay."""
        if settings == self._overlay:
            return
        self._overlay = None
        self.set(self._covered)
        self._covered = {}
        if settings:
            own = ", ".join(f"toString(getSetting({quote(name)}))" for name in settings)
            values = json.loads(self.query(f"SELECT {own}", "JSONCompactEachRow").body)
            self._covered = dict(zip(settings, values, strict=True))
            self.set(settings)
        self._overlay = settings

    def keep(self, statement: bytes) -> None:
        """The client's own SET named settings: those stay as it left them."""
        self._overlay = None
        self._covered = {name: value for name, value in self._covered.items() if name.encode() not in statement}

    def external(self, name: str, structure: str, data_format: str, data: bytes) -> None:
        """Create a temporary table from data that came with a query."""
        if not structure:
            raise ServerError(36, "BAD_ARGUMENTS", f"The external table {name} needs {name}_structure or {name}_types.")
        source = f"format({quote(data_format)}, {quote(structure)}, {{embedded_data:String}})"
        sql = f"CREATE TEMPORARY TABLE {identifier(name)} AS SELECT * FROM {source}"  # noqa: S608  quoted above
        self.changes += 1
        self.query(sql, params={"embedded_data": escape_parameter(data)})

    def close(self) -> None:
        """Close; temporary tables go with the connection."""
        self._raw.close()


class Engine:
    """Owner of the data directory.

    Args:
        config: the engine's configuration.
        users: its users.xml.

    Raises:
        RuntimeError: the directory belongs to another process, or can't be used.
    """

    def __init__(self, data: Path, config: Element, users: str) -> None:
        self._lock_file = _lock(data)
        _plain_default_database(data)
        self.scratch = data / "tmp"
        self.scratch.mkdir(exist_ok=True)
        users_file, config_file = self.scratch / "users.xml", self.scratch / "config.xml"
        users_file.write_text(users, encoding="utf-8")
        SubElement(config, "users_config").text = str(users_file)
        config_file.write_bytes(tostring(config))
        self._module, self._uri = load_extension(), f"{data}?config-file={config_file}&log-level=none"
        self._tags = itertools.count(1)
        self._system_lock = threading.Lock()
        # the engine lives as long as one connection is open; this one also does the service's own queries
        with quiet_stderr():
            self._system = self._connect()
        facts = self.system_query("SELECT version(), timezone(), hostName()").body.decode()
        self.version, self.timezone, self.display_name = facts.rstrip("\n").split("\t")
        rows = self.system_query("SELECT name, content_type FROM system.formats WHERE is_output").body.decode()
        self.content_types = dict(line.split("\t") for line in rows.splitlines())

    def _connect(self) -> Connection:
        connection = Connection(self._module.connect(self._uri), f"embedded-{next(self._tags)}")
        connection.set({"log_comment": connection.tag})
        return connection

    def system_query(self, sql: str | bytes, output_format: str = "TabSeparated") -> Result:
        """A short query of the service itself, with all rights."""
        with self._system_lock:
            return self._system.query(sql, output_format)

    def open_for(self, user: User, database: str, settings: Mapping[str, str]) -> Connection:
        """A new connection with the user's rights, profile and, over it, the request's settings.

        Raises:
            ServerError: 115, 27, … for settings, 164 for those a reader may not change, 81 for the database.
        """
        connection = self._connect()
        try:
            connection.query(f"SET ROLE {identifier(user.role)}")
            connection.set(user.settings)
            if user.readonly:
                connection.set({"readonly": str(user.readonly)})
            connection.set(settings)
            if database:
                connection.query(f"USE {identifier(database)}")
        except BaseException:
            connection.close()
            raise
        return connection

    def cancel(self, tag: str | None = None) -> bytes:
        """Cancel what runs on the connection with this tag; without one, on all connections. Returns what was."""
        which = f"Settings['log_comment'] = {quote(tag)}" if tag else "Settings['log_comment'] LIKE 'embedded-%'"
        return self.system_query(f"KILL QUERY WHERE {which} ASYNC").body

    def close(self) -> None:
        """Stop the engine: buffers and background tasks end, the directory is free for the next process."""
        with self._system_lock:
            self._system.close()
        self._lock_file.close()


def _lock(data: Path) -> Any:
    try:
        data.mkdir(parents=True, exist_ok=True)
        handle = (data / ".embedded.lock").open("a")
    except OSError as error:
        raise RuntimeError(
            f"The data directory {data} cannot be written: {error.strerror}. Give it to uid {os.getuid()}."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise RuntimeError(
            f"The data directory {data} is in use by another process: one process owns it at a time."
            " Stop the other one, or use another directory."
        ) from None
    return handle


def _plain_default_database(data: Path) -> None:
    """Make `default` an ordinary database, as on a server.

    The local engine puts an overlay named ``default_database`` over its files and the file system; the service's
    configuration calls that overlay something else. Its UUID is read from the link ``metadata/default``, which the
    real database also leaves there: the link (rebuilt at each start) has to go first.
    """
    metadata = data / "metadata"
    metadata.mkdir(exist_ok=True)
    link = metadata / "default"
    if link.is_symlink():
        link.unlink()
    definition = metadata / "default.sql"
    if not definition.exists():
        database_id = uuid.uuid4()
        draft = metadata / "default.sql.tmp"
        draft.write_text(f"ATTACH DATABASE default UUID '{database_id}'\nENGINE = Atomic\n", encoding="ascii")
        draft.replace(definition)
