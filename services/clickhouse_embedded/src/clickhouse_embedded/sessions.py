"""Which connection serves a request: its session's own one, or any in the state the request asks for."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from .engine import Connection, Engine, identifier
from .errors import ServerError
from .request import Call

DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S = "60", 3600
IDLE_CONNECTIONS = 64


@dataclass(eq=False)
class Session:
    """A connection that lasts, with its temporary tables, SET and USE."""

    connection: Connection | None = None
    busy: bool = False
    expires: float = 0.0


class Sessions:
    """Connections of open sessions, and the idle ones for all other requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._open: dict[tuple[str, str], Session] = {}
        self._idle: list[tuple[tuple, Connection]] = []

    def take(self, call: Call) -> Connection:
        """Give the call a connection with its user's rights and its database and settings.

        Raises:
            ServerError: what ``Engine.open_for`` raises; 372 with ``session_check=1`` and no session, 373 while
                another query runs in the session, 374 for a bad timeout.
        """
        if call.fields.get("session_id"):
            return self._take_session(call)
        call.state = (call.user.name, call.database, *sorted(call.settings.items()))
        with self._lock:
            found = next((item for item in reversed(self._idle) if item[0] == call.state), None)
            if found:
                self._idle.remove(found)
        call.connection = found[1] if found else self._engine.open_for(call.user, call.database, call.settings)
        return call.connection

    def give_back(self, call: Call) -> Connection | None:
        """The query has ended. Returns the connection that has to be closed now, if there is one."""
        connection, session = call.connection, call.session
        with self._lock:
            if session:
                session.busy = False
                session.expires = time.monotonic() + int(call.fields.get("session_timeout", DEFAULT_TIMEOUT_S))
                if connection and not call.flag("close_session"):
                    return None
                self._open.pop(_key(call), None)
            elif connection and not connection.changes:
                self._idle.append((call.state, connection))
                return self._idle.pop(0)[1] if len(self._idle) > IDLE_CONNECTIONS else None
        return connection

    def close(self) -> None:
        """Close all connections."""
        for connection in (*(kept for _, kept in self._idle), *(session.connection for session in self._open.values())):
            if connection:
                connection.close()

    def _take_session(self, call: Call) -> Connection:
        key, now, timeout = _key(call), time.monotonic(), call.fields.get("session_timeout", DEFAULT_TIMEOUT_S)
        if not (timeout.isascii() and timeout.isdigit() and 0 < int(timeout) <= MAX_TIMEOUT_S):
            text = f"Invalid session timeout: '{timeout[:32]}', the maximum is {MAX_TIMEOUT_S}."
            raise ServerError(374, "INVALID_SESSION_TIMEOUT", text)
        with self._lock:
            for old in [k for k, s in self._open.items() if not s.busy and s.expires < now]:
                if ended := self._open.pop(old).connection:
                    ended.close()
            if key not in self._open and call.flag("session_check"):
                raise ServerError(372, "SESSION_NOT_FOUND", f"Session {key[1][:128]} not found.")
            session = self._open.setdefault(key, Session())
            if session.busy:
                raise ServerError(373, "SESSION_IS_LOCKED", f"Session {key[1][:128]} is locked by a concurrent client.")
            session.busy, call.session = True, session
        if session.connection is None:
            session.connection = self._engine.open_for(call.user, "", {})
        call.connection = session.connection
        call.state = (session, session.connection.changes, *sorted(call.settings.items()))
        session.connection.overlay(call.settings)
        if call.database:
            session.connection.query(f"USE {identifier(call.database)}")
        return session.connection


def _key(call: Call) -> tuple[str, str]:
    return call.user.name, call.fields["session_id"][:1024]
