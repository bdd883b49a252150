"""One message when trouble begins, one for each other cause of it, and one when it ends."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import ledger
from .concealed import conceal, known_secrets
from .message import Message
from .post_office import PostOffice
from .settings import Settings
from .storage import State, Storage

# What differs between two tellings of one cause: ages as Docker and Python word them, identifiers, addresses, numbers.
_VARYING = re.compile(
    r"\b(?:Less than a|About an?|\d+) (?:second|minute|hour|day|week|month|year)s?\b(?:, \d+(?::\d+)+)?"
    r"|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b"
    r"|\d+(?:[.,:-]\d+)*"
)
_EXIT_CODE = re.compile(r"exit code \d+|(?:Exited|Restarting) \(\d+\)")
# A program that words each failure anew must not send a message each time.
_MOST_CAUSES = 5


def cause_of(problem: str) -> str:
    """What stays the same when the same thing is told again."""
    codes = " ".join(_EXIT_CODE.findall(problem))
    return f"{_VARYING.sub('#', problem)} {codes}".strip()


@dataclass(frozen=True)
class Trouble:
    """Something that does not work now.

    :param problem: one sentence.
    :param command: the first command to type.
    :param page: file name of the page that says what to do.
    :param severity: critical or warning.
    """

    problem: str
    command: str
    page: str
    severity: str = "warning"


class Episodes:
    """Decides what is news.

    An episode begins with the first failure of a subject and ends with its first success; another cause in it is told.

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

    def _believed(self, state: State, subject: str, trouble: Trouble | None, patience: int) -> bool:
        known = state.episodes.get(subject)
        changed = (trouble is not None) != (known is not None)
        if not changed and not (trouble and known and self._other_cause(known, trouble)):
            state.pending.pop(subject, None)
            return True
        times = state.pending.pop(subject, 0) + 1
        if times < patience:
            state.pending[subject] = times
        return times >= patience

    def _concealed(self, trouble: Trouble) -> Trouble:
        return replace(trouble, problem=conceal(trouble.problem, known_secrets(self._settings.secrets_dir)))

    def _other_cause(self, known: dict[str, Any], trouble: Trouble) -> bool:
        causes = _causes(known)
        return cause_of(self._concealed(trouble).problem) not in causes and len(causes) < _MOST_CAUSES

    def _news(self, state: State, subject: str, trouble: Trouble | None, now: float) -> Message | None:
        known = state.episodes.get(subject)
        if trouble is None:
            if known is None:
                return None
            del state.episodes[subject]
            was = Trouble("; then: ".join(_causes(known).values()), "", "")
            message = self._message("resolved", subject, was, now, known["since"], known["times"])
            ledger.note(state, message, ledger.rule_of(known.get("page", "")), known.get("severity", "warning"))
            return message
        if known is not None:
            known["times"] += 1
            if not self._other_cause(known, trouble):
                return None
        else:
            known = state.episodes[subject] = {"since": now, "times": 1, "causes": {}}
        trouble = self._concealed(trouble)
        event = "changed" if _causes(known) else "firing"
        known["causes"] = {**_causes(known), cause_of(trouble.problem): trouble.problem}
        known |= {"problem": trouble.problem, "page": trouble.page, "severity": trouble.severity}
        message = self._message(event, subject, trouble, now, known["since"], known["times"])
        ledger.note(state, message, ledger.rule_of(trouble.page), trouble.severity)
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


def _causes(known: dict[str, Any]) -> dict[str, str]:
    """Problems told in an episode, by their cause."""
    # an earlier version told one
    return known.get("causes") or ({cause_of(known["problem"]): known["problem"]} if "problem" in known else {})
