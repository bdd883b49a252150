"""What a failure of ClickHouse means for a run: its exit code, and a sentence that says what mends it."""

import re

from clickhouse_connect.driver.exceptions import ClickHouseError
from zakaz_clickhouse.failures import ClickHouseFailure, EngineFailure, Meaning, refused_login, transport_failure

from zakaz_common.errors import ConfigError, DataError, LoaderError, StorageError, UnavailableError

DRIVER_ERRORS = (ClickHouseError, OSError)
"""What clickhouse-connect raises when ClickHouse, or the way to it, fails."""


def driver_failure(error: Exception) -> ClickHouseFailure:
    """What the driver raised, as a failure of the client that all programs share."""
    code = getattr(error, "code", None)
    return transport_failure(str(error), code if isinstance(code, int) else None)


def as_loader_error(failure: ClickHouseFailure, where: str) -> LoaderError:
    """The error that ends the run: its class gives the exit code, its text tells what to do."""
    if not isinstance(failure, EngineFailure):
        return UnavailableError(
            f"ClickHouse at {where} did not answer ({_first_line(failure)}); "
            "check that it runs, and CLICKHOUSE_HOST and CLICKHOUSE_PORT"
        )
    text = f"ClickHouse at {where} answered with error {failure.code}"
    match failure.meaning:
        case Meaning.LOGIN:
            return ConfigError(f"{refused_login(where)}; check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD")
        case Meaning.RIGHT:
            return ConfigError(f"{text}: {failure.reason}; check CLICKHOUSE_USER and the user's grants")
        case Meaning.SCHEMA:
            return ConfigError(
                f"{text}: {failure.reason} ({_first_line(failure)}); apply the schema, then run the loader again"
            )
        case Meaning.SPACE:
            return StorageError(f"{text}: its disk is full; free space or grow the volume, then run the loader again")
        case Meaning.VALUE:
            return DataError(f"{text}: a value does not fit its column, {failure.reason} ({_first_line(failure)})")
        case Meaning.PASSING | Meaning.SILENT:
            return UnavailableError(f"{text} until the retries ran out: {failure.reason} ({_first_line(failure)})")
    return StorageError(f"{text} ({_first_line(failure)})")


def _first_line(failure: ClickHouseFailure) -> str:
    """The beginning of the message; parse errors quote values of the row, so what follows is cut."""
    text = str(failure).strip().split("\n", 1)[0]
    text = re.split(r"while (?:converting|parsing)|Row \d+|In scope|: While", text, maxsplit=1)[0]
    return text[:160].rstrip(" :,")
