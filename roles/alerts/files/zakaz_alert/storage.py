"""The state on disk: which episodes last, which messages wait."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from whole_file import write_whole

from .message import Message


@dataclass
class State:
    """What is remembered between two calls.

    :param episodes: what has failed and not recovered, by subject.
    :param outbox: messages that wait for a channel, oldest first.
    :param pending: how often in a row a subject was seen other than its episode says, where once is not enough.
    :param unwritten: rows of meta.etl_alerts that ClickHouse does not have yet, by alert_id, oldest first.
    """

    episodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[str, int] = field(default_factory=dict)
    unwritten: dict[str, dict[str, Any]] = field(default_factory=dict)


def _prove(state: State) -> None:
    """Fail on what would end every later call.

    :raises ValueError, KeyError, TypeError, AttributeError: an entry is not what was written.
    """
    for episode in state.episodes.values():
        float(episode["since"]), int(episode["times"])
        dict(episode.get("causes") or {})
    for entry in state.outbox:
        str(entry["channel"]), float(entry["message"]["at"])
        Message(**entry["message"])
    for times in state.pending.values():
        int(times)
    for row in state.unwritten.values():
        dict(row)


class Storage:
    """`state.json` in a folder of its own, for one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "state.json"

    @contextmanager
    def changing(self) -> Iterator[State]:
        """Read the state, let the caller change it, and save it.

        :raises OSError: it cannot be saved; what the caller did to it is lost.
        """
        with self._locked("state.lock"):
            state = self.read()
            yield state
            self._save(state)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """One process sends at a time, so that nothing goes out twice."""
        with self._locked("sending.lock"):
            yield

    def read(self) -> State:
        """The state as it is; an empty one when there is none or it is damaged (the damaged one is kept aside)."""
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            state = State(
                dict(content["episodes"]),
                list(content["outbox"]),
                dict(content["pending"]),
                # an earlier version wrote no such key
                dict(content.get("unwritten", {})),
            )
            _prove(state)
            return state
        except FileNotFoundError:
            return State()
        except (ValueError, KeyError, TypeError, AttributeError):
            self._file.replace(self._file.with_name(f"state.damaged.{int(time.time())}.json"))
            return State()

    def _save(self, state: State) -> None:
        write_whole(self._file, json.dumps(asdict(state), ensure_ascii=False, indent=1).encode(), 0o600)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
