"""Keeps messages until they are delivered.

A message is stored before the first attempt and taken out after the last one that worked, so neither an unreachable
server nor a kill loses it; a kill between delivery and storing it may send it twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .channels import CHANNELS, NotDelivered
from .message import Message
from .settings import Settings
from .storage import State, Storage

# After this a message tells history, not news.
_TOO_OLD_SECONDS = 3 * 86400


class PostOffice:
    """Delivers messages by every channel that is switched on.

    :param say: where the journal's lines go.
    :param sleep: how to wait; tests do not.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        say: Callable[[str], None] = print,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings, self._storage, self._say, self._sleep = settings, storage, say, sleep

    def store(self, state: State, message: Message) -> None:
        """Put a message into the outbox, once a channel; the caller saves the state."""
        self._say(message.text.rstrip())
        state.outbox += [{"channel": name, "message": asdict(message)} for name in self._settings.channels]

    def deliver(self) -> bool:
        """Send what waits, oldest first; whether nothing waits any more."""
        silent: set[str] = set()
        with self._storage.sending():
            for entry in self._storage.read().outbox:
                # one channel that does not answer must not hold up the others, nor be asked for each message
                if self._given_up(entry) or (entry["channel"] not in silent and self._delivered(entry)):
                    with self._storage.changing() as state:
                        state.outbox.remove(entry)
                else:
                    silent.add(entry["channel"])
            return not self._storage.read().outbox

    def send_at_once(self, message: Message) -> None:
        """Try once without storing anything, for when nothing can be stored."""
        for name in self._settings.channels:
            self._delivered({"channel": name, "message": asdict(message)})

    def _delivered(self, entry: dict[str, Any]) -> bool:
        name = entry["channel"]
        channel = self._settings.channels.get(name)
        if channel is None or name not in CHANNELS:
            self._say(f"{name} is switched off now: a message is dropped")
            return True
        message = Message(**entry["message"])
        for delay in (*self._settings.retry_delays, None):
            try:
                CHANNELS[name](channel, message, self._settings.timeout)
                return True
            except NotDelivered as error:
                self._say(f"{name} did not take the message {message.title!r}: {error}")
                if error.lasting or delay is None:
                    return False
                self._sleep(delay)
        return False

    def _given_up(self, entry: dict[str, Any]) -> bool:
        if time.time() - entry["message"]["at"] < _TOO_OLD_SECONDS:
            return False
        self._say(f"{entry['channel']} took nothing for three days: a message is dropped")
        return True
