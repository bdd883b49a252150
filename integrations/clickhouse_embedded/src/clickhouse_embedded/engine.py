"""The engine in this process: one data directory, many connections."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib.machinery
import importlib.util
import itertools
import json
import os
import sys
import sysconfig
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ServerError
from .users import User

IDLE_CONNECTIONS = 64


def load_extension() -> Any:
    """Load chDB's extension module without the ``chdb`` package.

    The package imports pandas and pyarrow and opens an engine of its own; nothing here needs either.
    RTLD_DEEPBIND, as the package does: the extension must resolve ``operator new`` to its own jemalloc.
    """
    path = Path(sysconfig.get_path("platlib"), "chdb", "_chdb.abi3.so")
    before = Path.cwd()
    os.chdir(path.parent)  # its companion libraries are found relative to the working directory
    try:
        ctypes.CDLL(str(path), mode=sys.getdlopenflags() | getattr(os, "RTLD_DEEPBIND", 0))
        loader = importlib.machinery.ExtensionFileLoader("_chdb", str(path))
        spec = importlib.util.spec_from_file_location("_chdb", path, loader=loader)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    finally:
        os.chdir(before)
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


@dataclass(frozen=True)
class Result:
    """What a query returned: its body (empty when it went to a pipe) and the counters of the summary."""

    body: bytes = b""
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed_ns: int = 0


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


class Connection:
    """One engine connection: its settings, current database and temporary tables. Not for two threads at once.

    Attributes:
        tag: value of ``log_comment``, by which a running query is found and cancelled: the engine gives query
            ids itself and tells them to nobody.
        dirty: a statement changed the connection's state; it must not serve another request.
    """

    def __init__(self, raw: Any, tag: str) -> None:
        self._raw = raw
        self.tag = tag
        self.dirty = False
        # settings of the request over the session's: what they are now, and what they were (None: the default)
        self._above: dict[str, str] = {}
        self._below: dict[str, str | None] = {}

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
        if raw.has_error():
            raise ServerError.from_engine(raw.error_message())
        written = raw.rows_written() if hasattr(raw, "rows_written") else 0
        return Result(
            body=raw.bytes(),
            read_rows=raw.storage_rows_read(),
            read_bytes=raw.storage_bytes_read(),
            written_rows=written,
            written_bytes=raw.bytes_written() if hasattr(raw, "bytes_written") else 0,
            result_rows=raw.rows_read(),
            elapsed_ns=int(raw.elapsed() * 1e9),
        )

    def set(self, settings: Iterable[tuple[str, str]]) -> None:
        """Apply settings as SET does; the engine validates them (115 for an unknown one)."""
        assignments = ", ".join(f"{identifier(name)} = {quote(value)}" for name, value in settings)
        if assignments:
            self.query(f"SET {assignments}")

    def overlay(self, settings: Mapping[str, str]) -> None:
        """Make exactly these settings lie over the connection's own ones, instead of the last overlay."""
        gone = {name: value for name, value in self._below.items() if name not in settings}
        self.set((name, value) for name, value in gone.items() if value is not None)
        if defaults := [name for name, value in gone.items() if value is None]:
            self.query("SET " + ", ".join(f"{identifier(name)} = DEFAULT" for name in defaults))
        for name in gone:
            del self._below[name]
            self._above.pop(name, None)
        if new := [name for name in settings if name not in self._below]:
            names = ", ".join(map(quote, new))
            changed = self.query(
                f"SELECT name, value FROM system.settings WHERE changed AND name IN ({names})",  # noqa: S608  quoted above
                "JSONCompactEachRow",
            )
            own = dict(json.loads(line) for line in changed.body.splitlines())
        self.set((name, value) for name, value in settings.items() if self._above.get(name) != value)
        self._below.update((name, own.get(name)) for name in new)
        self._above = dict(settings)

    def keep(self, names: bytes) -> None:
        """A SET statement of the client mentioned settings: those stay as it left them."""
        for name in [n for n in self._below if n.encode() in names]:
            del self._below[name], self._above[name]

    def external(self, name: str, structure: str, data_format: str, data: bytes) -> None:
        """Create a temporary table from data that came with a query."""
        if not structure:
            raise ServerError(36, "BAD_ARGUMENTS", f"The external table {name} needs {name}_structure or {name}_types.")
        source = f"format({quote(data_format)}, {quote(structure)}, {{embedded_data:String}})"
        sql = f"CREATE TEMPORARY TABLE {identifier(name)} AS SELECT * FROM {source}"  # noqa: S608  quoted above
        self.query(sql, params={"embedded_data": escape_parameter(data)})

    def close(self) -> None:
        """Close; temporary tables go with the connection."""
        self._raw.close()


class Engine:
    """Owner of the data directory.

    Raises:
        RuntimeError: the directory belongs to another process, or can't be used.
    """

    def __init__(self, data: Path, config_file: Path) -> None:
        self._lock_file = _lock(data)
        _plain_default_database(data)
        self.scratch = data / "tmp"
        self.scratch.mkdir(exist_ok=True)
        self._module = load_extension()
        self._uri = f"{data}?config-file={config_file}&log-level=none"
        self._tags = itertools.count(1)
        self._idle: list[tuple[tuple, Connection]] = []
        self._idle_lock = threading.Lock()
        self._system_lock = threading.Lock()
        # the engine lives as long as one connection is open; this one also does the service's own queries
        with quiet_stderr():
            self._system = self.connect()
        self.version = self.system_query("SELECT version()").body.decode().strip()
        self.version_tuple = tuple(int(part) for part in self.version.split("."))
        self.timezone = self.system_query("SELECT timezone()").body.decode().strip()
        self.display_name = self.system_query("SELECT hostName()").body.decode().strip()
        rows = self.system_query("SELECT name, content_type FROM system.formats WHERE is_output").body.decode()
        self.content_types = dict(line.split("\t") for line in rows.splitlines())

    def connect(self) -> Connection:
        """A connection with the engine's own rights."""
        connection = Connection(self._module.connect(self._uri), f"embedded-{next(self._tags)}")
        connection.set([("log_comment", connection.tag)])
        return connection

    def system_query(self, sql: str | bytes, output_format: str = "TabSeparated", **params: str) -> Result:
        """A short query of the service itself."""
        with self._system_lock:
            return self._system.query(sql, output_format, params)

    def open_for(self, user: User, database: str, settings: tuple[tuple[str, str], ...]) -> Connection:
        """A new connection with the user's rights, profile and, over it, the request's settings."""
        connection = self.connect()
        try:
            connection.query(f"SET ROLE {identifier(user.role)}")
            connection.set(user.settings.items())
            connection.set(settings)
            if user.readonly:
                connection.set([("readonly", str(user.readonly))])
            if database:
                connection.query(f"USE {identifier(database)}")
        except BaseException:
            connection.close()
            raise
        return connection

    def acquire(self, state: tuple) -> Connection | None:
        """An idle connection in exactly this state, if there is one."""
        with self._idle_lock:
            for index in range(len(self._idle) - 1, -1, -1):
                if self._idle[index][0] == state:
                    return self._idle.pop(index)[1]
        return None

    def release(self, state: tuple, connection: Connection) -> Connection | None:
        """Keep a connection for the next request in the same state. Returns the one to close instead, if any."""
        if connection.dirty:
            return connection
        with self._idle_lock:
            self._idle.append((state, connection))
            return self._idle.pop(0)[1] if len(self._idle) > IDLE_CONNECTIONS else None

    def cancel(self, tag: str) -> None:
        """Cancel what runs on the connection with this tag, if anything does."""
        self.system_query(f"KILL QUERY WHERE Settings['log_comment'] = {quote(tag)} ASYNC")

    def cancel_all(self) -> None:
        """Cancel everything that runs on request connections."""
        self.system_query("KILL QUERY WHERE startsWith(Settings['log_comment'], 'embedded-') ASYNC")

    def close(self) -> None:
        """Stop the engine: buffers and background tasks end, the directory is free for the next process."""
        with self._idle_lock:
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()
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
