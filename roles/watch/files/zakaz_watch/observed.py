"""What was seen in one look at a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Observed:
    """One look. What could not be seen is None or absent, and is judged neither good nor bad.

    :param at: when, seconds since 1970.
    :param database_error: why ClickHouse did not answer; empty when it did.
    :param runs: rows of bi.v_ops_freshness by loader.
    :param rejected: records rejected in the last 24 hours, by loader.
    :param drift: whether the live schema differs from what was last applied; None when nothing ever was.
    :param stuck: unfinished mutations that take too long or fail, each a sentence.
    :param fullest: table and number of parts of the partition that has most.
    :param backup_at: end of the last backup; 0 when there is none.
    :param drilled_at: end of the last backup that a drill has restored; 0 when there is none.
    :param began_at: first run of any loader: before it there was nothing to back up; 0 when there was none.
    :param drill_error: why the last drill failed; empty when it passed or there was none.
    :param file_success: end of a loader's last scheduled success by its own metrics, by loader.
    :param timers: what `systemctl show` says of a loader's timer, by loader.
    :param disks: free and total bytes by path.
    :param memory_available: bytes.
    :param certificates: end of validity, or a sentence why it cannot be read, by endpoint.
    """

    at: float
    database_error: str = ""
    runs: dict[str, dict[str, Any]] | None = None
    rejected: dict[str, int] | None = None
    drift: bool | None = None
    stuck: list[str] | None = None
    fullest: tuple[str, int] | None = None
    backup_at: float | None = None
    drilled_at: float | None = None
    began_at: float = 0
    drill_error: str = ""
    file_success: dict[str, float] = field(default_factory=dict)
    timers: dict[str, str] = field(default_factory=dict)
    disks: dict[str, tuple[int, int]] = field(default_factory=dict)
    memory_available: int | None = None
    certificates: dict[str, float | str] = field(default_factory=dict)
