"""What can go wrong between a statement and its answer, and what each error of ClickHouse means.

Codes are those of ClickHouse's ErrorCodes.cpp.
"""

from __future__ import annotations

import re
from enum import Enum


class Meaning(Enum):
    """What an error asks of whoever sent the statement."""

    SILENT = "no server answers: wait, or start it"
    PASSING = "waiting and repeating the statement can help"
    LOGIN = "the user's name or password is not right"
    RIGHT = "the user lacks a right"
    SCHEMA = "an object is not there, or is another than expected: apply the schema"
    VALUE = "a value does not fit its column"
    SPACE = "the disk is full"
    OTHER = "none of these"


_MEANINGS: dict[Meaning, dict[int, str]] = {
    # the command line's client in a container says these while no server takes its statement
    Meaning.SILENT: {210: "the network failed", 279: "no server takes a connection"},
    Meaning.PASSING: {
        159: "a limit of time was reached",
        164: "the user may only read now",
        202: "too many queries run",
        203: "no connection was free",
        209: "the network was too slow",
        241: "memory is short",
        242: "the table may only be read now",
        252: "the table has too many parts",
        285: "too few replicas are alive",
        319: "too few replicas have answered",
        425: "the system refused a call",
        999: "Keeper failed",
        1002: "an unknown failure",
    },
    Meaning.LOGIN: {
        192: "the user is unknown",
        193: "the password is wrong",
        194: "a password is required",
        516: "the user or the password is wrong",
    },
    Meaning.RIGHT: {291: "the database may not be used", 497: "the user lacks a right"},
    Meaning.SCHEMA: {
        16: "a column is missing",
        36: "an argument is wrong",
        47: "a column is missing",
        60: "a table is missing",
        81: "a database is missing",
    },
    Meaning.VALUE: {
        6: "a text cannot be parsed",
        27: "an input cannot be parsed",
        38: "a date cannot be parsed",
        41: "a time cannot be parsed",
        43: "an argument has a wrong type",
        53: "types do not match",
        69: "a value is out of bounds",
        70: "a type cannot be converted",
        117: "data are wrong",
        321: "a value is too large",
        349: "an empty value stands where none may be",
        386: "types have nothing in common",
        407: "a decimal is too large",
    },
    Meaning.SPACE: {243: "the disk is full"},
}
_OF_CODE = {code: (meaning, words) for meaning, codes in _MEANINGS.items() for code, words in codes.items()}
_CODE = re.compile(r"Code:\s*(\d+)")
_STATUS = re.compile(r"status:? (\d{3})\b")
# HTTP: unauthorized, forbidden, the same asked by a proxy
_REFUSED_STATUS = (401, 403, 407)
_AUTHENTICATION_FAILED = 516


class ClickHouseFailure(Exception):
    """A statement that got no good answer.

    :ivar meaning: what it asks of the sender.
    """

    meaning = Meaning.OTHER


class Unreachable(ClickHouseFailure):
    """No engine answered at the given address."""

    meaning = Meaning.SILENT


class EngineFailure(ClickHouseFailure):
    """An error the ClickHouse engine answered with.

    :param text: the engine's own words.
    :param code: its numeric error code, 0 when it gave none.
    :ivar reason: the code in a few words of ours, empty for one that is not in the table.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.meaning, self.reason = _OF_CODE.get(code, (Meaning.OTHER, ""))


def is_passing(failure: ClickHouseFailure) -> bool:
    """Whether waiting and repeating the statement can help."""
    return failure.meaning in (Meaning.SILENT, Meaning.PASSING)


def engine_failure(text: str, status: int = 0) -> EngineFailure:
    """An engine's answer as an error, without stack trace and version noise.

    :param status: status of HTTP, where the answer came over it; it counts when the text holds no code.
    """
    found = _CODE.search(text)
    code = int(found[1]) if found else 0
    if not code and status in _REFUSED_STATUS:
        code = _AUTHENTICATION_FAILED
    return EngineFailure(re.sub(r"\s*\(version [^)]*\)+\s*$", "", text.split("Stack trace:")[0].strip()), code)


def transport_failure(text: str, code: int | None = None) -> ClickHouseFailure:
    """What a driver raised, by its words: an engine's answer where they hold a code or a refusal, else no answer.

    :param code: the engine's code where the driver knows it.
    """
    if code:
        return EngineFailure(text, code)
    status = _STATUS.search(text)
    failure = engine_failure(text, int(status[1]) if status else 0)
    return failure if failure.code else Unreachable(text)


def refused_login(where: str, username: str = "") -> str:
    """The sentence, without a full stop, for a user ClickHouse does not let in.

    :param where: the server's address.
    """
    user = f"the user {username}" if username else "the user"
    return f"ClickHouse at {where} refuses {user}: its name or password is not right"
