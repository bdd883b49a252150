"""HTTP sessions: a connection that outlives its request, with temporary tables and SET."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from .engine import Connection, Engine, identifier
from .errors import ServerError
from .users import User

DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S = 60, 3600


@dataclass(eq=False)
class Session:
    """A session of one user."""

    key: tuple[str, str]
    connection: Connection
    timeout_s: int
    busy: bool = True
    idle_since: float = 0.0


class Sessions:
    """Open sessions; one query at a time runs in each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: dict[tuple[str, str], Session] = {}
        self._lock = threading.Lock()

    def take(self, user: User, session_id: str, fields: dict[str, str]) -> Session:
        """Take a session for a query, opening it if there is none.

        Raises:
            ServerError: 372 with ``session_check=1`` and no session, 373 while another query runs, 374 timeout.
        """
        text = fields.get("session_timeout", str(DEFAULT_TIMEOUT_S))
        if not text.isdigit() or not 0 < int(text) <= MAX_TIMEOUT_S:
            raise ServerError(
                374,
                "INVALID_SESSION_TIMEOUT",
                f"Invalid session timeout: '{text[:32]}' (maximum {MAX_TIMEOUT_S}).",
            )
        key = (user.name, session_id)
        self._expire()
        with self._lock:
            session = self._open.get(key)
            if session is not None:
                if session.busy:
                    raise ServerError(
                        373,
                        "SESSION_IS_LOCKED",
                        f"Session {session_id[:128]} is locked by a concurrent client.",
                    )
                session.busy, session.timeout_s = True, int(text)
                return session
            if fields.get("session_check", "0") not in ("", "0"):
                raise ServerError(372, "SESSION_NOT_FOUND", f"Session {session_id[:128]} not found.")
            session = self._open[key] = Session(key, None, int(text))
        try:
            session.connection = self._engine.open_for(user, "", ())
        except BaseException:
            with self._lock:
                del self._open[key]
            raise
        return session

    def prepare(self, session: Session, database: str, settings: tuple[tuple[str, str], ...]) -> None:
        """Apply the request's settings for one query: the session keeps what SET said."""
        session.connection.overlay(dict(settings))
        if database:
            session.connection.query(f"USE {identifier(database)}")

    def give(self, session: Session, close: bool = False) -> None:
        """End of a query: the session waits for the next one, or ends."""
        session.connection.dirty = False
        with self._lock:
            session.busy, session.idle_since = False, time.monotonic()
            if close:
                self._open.pop(session.key, None)
        if close:
            session.connection.close()

    def _expire(self) -> None:
        now = time.monotonic()
        with self._lock:
            old = [s for s in self._open.values() if not s.busy and now - s.idle_since > s.timeout_s]
            for session in old:
                del self._open[session.key]
        for session in old:
            session.connection.close()

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            sessions, self._open = list(self._open.values()), {}
        for session in sessions:
            if session.connection is not None:
                session.connection.close()
