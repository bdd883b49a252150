"""Turns a stream of "failed" and "works" into one message when trouble begins and one when it ends."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import ledger
from .concealed import conceal, known_secrets
from .message import Message
from .post_office import PostOffice
from .settings import Settings
from .storage import State, Storage


@dataclass(frozen=True)
class Trouble:
    """Something that does not work now.

    :param problem: one sentence.
    :param command: the first command to type.
    :param page: file name of the page that says what to do.
    """

    problem: str
    command: str
    page: str


class Episodes:
    """Decides what is news. An episode begins with the first failure of a subject and ends with its first success.

    :param clock: seconds since 1970; tests have their own.
    """

    def __init__(
        self, settings: Settings, storage: Storage, post: PostOffice, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings, self._storage, self._post, self._clock = settings, storage, post, clock

    def observe(self, seen: Mapping[str, Trouble | None], patience: int = 1) -> None:
        """Take note of what works (None) and what does not, by subject, and store the messages that follow.

        :param patience: how often in a row a change must be seen before it is believed.
        :raises OSError: the state cannot be saved; people were told all the same.
        """
        now = self._clock()
        told: list[Message] = []
        try:
            with self._storage.changing() as state:
                for subject, trouble in seen.items():
                    if not self._believed(state, subject, trouble, patience):
                        continue
                    message = self._news(state, subject, trouble, now)
                    if message is not None:
                        told.append(message)
                        self._post.store(state, message)
        except OSError:
            # a full or broken disk is the very thing people must hear of; better twice than never
            lost: list[Message | None] = [*told] or [
                self._news(State(), subject, trouble, now) for subject, trouble in seen.items()
            ]
            for message in filter(None, lost):
                self._post.send_at_once(message)
            raise

    def test(self) -> Message:
        """Store a test message."""
        now = self._clock()
        message = self._message(
            "test", "a test of the alerts", Trouble("nothing: somebody tries the alerts", "", ""), now
        )
        with self._storage.changing() as state:
            self._post.store(state, message)
        return message

    @staticmethod
    def _believed(state: State, subject: str, trouble: Trouble | None, patience: int) -> bool:
        if (trouble is not None) == (subject in state.episodes):
            state.pending.pop(subject, None)
            return True
        times = state.pending.pop(subject, 0) + 1
        if times < patience:
            state.pending[subject] = times
        return times >= patience

    def _news(self, state: State, subject: str, trouble: Trouble | None, now: float) -> Message | None:
        known = state.episodes.get(subject)
        if trouble is None:
            if known is None:
                return None
            del state.episodes[subject]
            was = Trouble(known["problem"], "", "")
            message = self._message("resolved", subject, was, now, known["since"], known["times"])
            ledger.note(state, message, ledger.rule_of(known.get("page", "")))
            return message
        if known is not None:
            known["times"] += 1
            return None
        problem = conceal(trouble.problem, known_secrets(self._settings.secrets_dir))
        state.episodes[subject] = {"since": now, "problem": problem, "times": 1, "page": trouble.page}
        message = self._message("firing", subject, Trouble(problem, trouble.command, trouble.page), now)
        ledger.note(state, message, ledger.rule_of(trouble.page))
        return message

    def _message(
        self, event: str, subject: str, trouble: Trouble, now: float, since: float | None = None, times: int = 1
    ) -> Message:
        return Message(
            event=event,
            deployment=self._settings.deployment,
            host=socket.gethostname(),
            subject=subject,
            problem=trouble.problem,
            since=since or now,
            at=now,
            times=times,
            command=trouble.command,
            page=f"{self._settings.runbooks}/{trouble.page}" if trouble.page else "",
        )
