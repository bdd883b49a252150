"""Errors that end a run, each with the exit code systemd and the operator see.

The codes are those of sysexits(3): 65 data, 69 unavailable, 74 input/output, 75 try later, 78 configuration.
The text of an error is a sentence for the operator: what was expected, what was found, what mends it.
"""

from collections.abc import Sequence

EXIT_OK = 0
EXIT_DATA = 65
EXIT_UNAVAILABLE = 69
EXIT_IO = 74
EXIT_TRY_LATER = 75
EXIT_CONFIG = 78


class LoaderError(Exception):
    """Base of every error that ends a run; `exit_code` is the process's exit code."""

    exit_code = EXIT_IO


class DataError(LoaderError):
    """The source answered with data that cannot be loaded."""

    exit_code = EXIT_DATA


class UnavailableError(LoaderError):
    """The API or ClickHouse did not answer, or answered with a passing failure, until retries ran out."""

    exit_code = EXIT_UNAVAILABLE


class StorageError(LoaderError):
    """Reading or writing failed: disk, state volume, a refused insert."""

    exit_code = EXIT_IO


class TryLaterError(LoaderError):
    """Nothing is wrong, but not now: another run holds the lock, or a limit has to pass."""

    exit_code = EXIT_TRY_LATER


class DeadlineExceededError(TryLaterError):
    """The run's deadline came, or a wait that was asked for ends after it."""


class LockHeldError(TryLaterError):
    """Another run of the same loader is working."""


class StoppedError(TryLaterError):
    """SIGTERM or SIGINT asked the run to stop."""


class ConfigError(LoaderError):
    """A setting, a credential or a right is missing or wrong; retrying does not help."""

    exit_code = EXIT_CONFIG


class AccountsFailedError(LoaderError):
    """Some accounts of a source could not be read; the others were. The exit code is that of the first failure.

    Parameters: `called` is what the source calls accounts; `failures` each one's name and error, `total` of how many.
    """

    def __init__(self, called: str, failures: Sequence[tuple[str, LoaderError]], total: int) -> None:
        told = "; ".join(f"{name}: {error}" for name, error in failures)
        super().__init__(f"{len(failures)} of {total} {called} could not be read: {told}")
        self.exit_code = failures[0][1].exit_code
