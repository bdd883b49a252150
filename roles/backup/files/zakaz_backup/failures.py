"""What can go wrong with a backup or a restore, as sentences an operator can act on, each with its exit code."""

from __future__ import annotations


class BackupFailure(Exception):
    """A fault of the host or of the program: exit code 74."""

    code = 74


class DataFailure(BackupFailure):
    """A backup that does not hold what it should: exit code 65."""

    code = 65


class UnavailableFailure(BackupFailure):
    """ClickHouse, Docker or the target of the backups does not answer: exit code 69."""

    code = 69


class BusyFailure(BackupFailure):
    """Another run works, or the moment is wrong: exit code 75."""

    code = 75


class RefusedFailure(BackupFailure):
    """A setting is wrong, or what was asked for needs another decision: exit code 78."""

    code = 78
