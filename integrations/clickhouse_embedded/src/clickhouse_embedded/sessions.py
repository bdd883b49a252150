"""Which connection serves a request: its session's own one, or any in the state the request asks for."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from .engine import Connection, Engine, identifier
from .errors import ServerError
from .request import Call
from .users import User

DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S = 60, 3600


@dataclass(eq=False)
class Lease:
    """A connection for one request.

    Attributes:
        state: what the connection's settings follow from.
        session: key of the session it belongs to, None for a connection of the pool.
    """

    connection: Connection
    state: tuple
    session: tuple[str, str] | None = None
    timeout_s: int = 0
    busy: bool = True
    idle_since: float = 0.0
    ends: bool = False


class Sessions:
    """Connections of open sessions (with temporary tables, SET, USE), and the pool's for all other requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[tuple[str, str], Lease] = {}
        self._lock = threading.Lock()

    def idle(self, user: User, call: Call) -> Lease | None:
        """A connection that is ready as it is, without any work of the engine; None when there is none.

        Raises:
            ServerError: 164 for settings that a reader may not change.
        """
        if call.fields.get("session_id"):
            return None
        state = (user.name, _database(call), _allowed_settings(user, call))
        connection = self._engine.acquire(state)
        return connection and Lease(connection, state)

    def lease(self, user: User, call: Call) -> Lease:
        """Open or take a connection with the user's rights and the request's database and settings.

        Raises:
            ServerError: 115, 27, … for settings, 81 for the database, 164 for what a reader may not change;
                372 with ``session_check=1`` and no session, 373 while another query runs in it, 374 bad timeout.
        """
        database, settings = _database(call), _allowed_settings(user, call)
        session_id = call.fields.get("session_id")
        if not session_id:
            return Lease(self._engine.open_for(user, database, settings), (user.name, database, settings))
        lease = self._session(user, session_id[:1024], call.fields)
        try:
            if lease.connection is None:
                lease.connection = self._engine.open_for(user, "", ())
            lease.connection.overlay(dict(settings))
            if database:
                lease.connection.query(f"USE {identifier(database)}")
        except BaseException:
            lease.ends = lease.connection is None
            self.give_back(lease)
            raise
        lease.ends = call.flag("close_session")
        return lease

    def give_back(self, lease: Lease) -> Connection | None:
        """The request has ended. Returns the connection that has to be closed now, if there is one."""
        if lease.session is None:
            return self._engine.release(lease.state, lease.connection)
        with self._lock:
            lease.busy, lease.idle_since = False, time.monotonic()
            if lease.ends:
                self._open.pop(lease.session, None)
        return lease.connection if lease.ends else None

    def _session(self, user: User, session_id: str, fields: dict[str, str]) -> Lease:
        text = fields.get("session_timeout", str(DEFAULT_TIMEOUT_S))
        if not (text.isascii() and text.isdigit() and 0 < int(text) <= MAX_TIMEOUT_S):
            reason = f"Invalid session timeout: '{text[:32]}', the maximum is {MAX_TIMEOUT_S}."
            raise ServerError(374, "INVALID_SESSION_TIMEOUT", reason)
        key = (user.name, session_id)
        with self._lock:
            now = time.monotonic()
            old = [k for k, s in self._open.items() if not s.busy and now - s.idle_since > s.timeout_s]
            expired = [self._open.pop(k) for k in old]
            lease = self._open.get(key)
            locked, missing = lease is not None and lease.busy, lease is None
            if not locked and not (missing and fields.get("session_check", "0") not in ("", "0")):
                lease = self._open.setdefault(key, Lease(None, ("session", key, now), key))
                lease.busy, lease.timeout_s = True, int(text)
        for session in expired:
            session.connection.close()
        if locked:
            raise ServerError(373, "SESSION_IS_LOCKED", f"Session {session_id[:128]} is locked by a concurrent client.")
        if lease is None:
            raise ServerError(372, "SESSION_NOT_FOUND", f"Session {session_id[:128]} not found.")
        return lease

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            sessions, self._open = list(self._open.values()), {}
        for session in sessions:
            if session.connection is not None:
                session.connection.close()


def _database(call: Call) -> str:
    return call.fields.get("database") or call.headers.get("x-clickhouse-database", "")


def _allowed_settings(user: User, call: Call) -> tuple[tuple[str, str], ...]:
    changed = [name for name, value in call.settings.items() if user.settings.get(name) != value]
    if user.readonly and (refused := changed if user.readonly == 1 else [n for n in changed if n == "readonly"]):
        raise ServerError(164, "READONLY", f"Cannot modify '{refused[0]}' setting in readonly mode.")
    return tuple(sorted(call.settings.items()))
