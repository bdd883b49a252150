"""What an error of ClickHouse means for a run: wait and try again, or stop with a sentence.

Codes are those of ClickHouse's ErrorCodes.cpp.
"""

import re

from clickhouse_connect.driver.exceptions import ClickHouseError

from zakaz_common.errors import ConfigError, DataError, LoaderError, StorageError, UnavailableError

PASSING_CODES = frozenset({159, 164, 202, 203, 209, 210, 241, 242, 252, 285, 319, 425, 999, 1002})
"""Timeout, read-only, too many queries, network, memory, read-only table, too many parts, quorum, Keeper."""

_SCHEMA_CODES = {
    16: "a column is missing",
    36: "an argument is wrong",
    47: "a column is missing",
    60: "a table is missing",
    81: "a database is missing",
}
_ACCESS_CODES = {
    192: "the user is unknown",
    194: "the password is wrong",
    291: "the database may not be used",
    497: "the user lacks a right",
    516: "the user or the password is wrong",
}
_TYPE_CODES = {6, 27, 38, 41, 43, 53, 69, 70, 117, 321, 349, 386, 407}
_SPACE_CODES = {243}
_CODE = re.compile(r"Code:\s*(\d+)")


def error_code(error: Exception) -> int | None:
    """ClickHouse's code of a driver error, or None for a failure below HTTP."""
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return code
    found = _CODE.search(str(error))
    return int(found.group(1)) if found else None


def is_passing(error: Exception) -> bool:
    """Whether waiting and repeating the statement can help."""
    code = error_code(error)
    if code is not None:
        return code in PASSING_CODES
    return not _is_refusal(str(error))


def as_loader_error(error: Exception, where: str) -> LoaderError:
    """The error that ends the run: its class gives the exit code, its text tells what to do."""
    code = error_code(error)
    if code is None:
        if _is_refusal(str(error)):
            return ConfigError(
                f"ClickHouse at {where} refused the login; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD"
            )
        return UnavailableError(
            f"ClickHouse at {where} did not answer ({_first_line(error)}); "
            "check that it runs, and CLICKHOUSE_HOST and CLICKHOUSE_PORT"
        )
    text = f"ClickHouse at {where} answered with error {code}"
    if code in _ACCESS_CODES:
        return ConfigError(
            f"{text}: {_ACCESS_CODES[code]}; check CLICKHOUSE_USER, CLICKHOUSE_PASSWORD and the user's grants"
        )
    if code in _SCHEMA_CODES:
        return ConfigError(
            f"{text}: {_SCHEMA_CODES[code]} ({_first_line(error)}); apply the schema, then run the loader again"
        )
    if code in _SPACE_CODES:
        return StorageError(f"{text}: its disk is full; free space or grow the volume, then run the loader again")
    if code in _TYPE_CODES:
        return DataError(f"{text}: a value does not fit its column ({_first_line(error)})")
    if code in PASSING_CODES:
        return UnavailableError(f"{text} until the retries ran out ({_first_line(error)})")
    return StorageError(f"{text} ({_first_line(error)})")


def _is_refusal(text: str) -> bool:
    return "HTTP status: 401" in text or "HTTP status: 403" in text or "status 401" in text or "status 403" in text


def _first_line(error: Exception) -> str:
    """The beginning of the message; parse errors quote values of the row, so what follows is cut."""
    text = str(error).strip().split("\n", 1)[0]
    text = re.split(r"while (?:converting|parsing)|Row \d+|In scope|: While", text, maxsplit=1)[0]
    return text[:160].rstrip(" :,")


DRIVER_ERRORS = (ClickHouseError, OSError)
"""What a statement may raise when ClickHouse, or the way to it, fails."""
