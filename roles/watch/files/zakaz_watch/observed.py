"""What was seen in one look at a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Observed:
    """One look. What could not be seen is None or absent, and is judged neither good nor bad.

    :param at: when, seconds since 1970.
    :param database_error: why ClickHouse did not answer; empty when it did.
    :param refused: questions that ClickHouse refused, each with its reason.
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
    :param host: what the host said, see `zakaz_host.look.look`.
    :param near_cities: pairs of cities that are one letter apart.
    :param degraded: rows of meta.v_degraded_last_day.
    :param tables: rows of meta.v_tables_loaded.
    :param certificates: end of validity, or a sentence why it cannot be read, by endpoint.
    """

    at: float
    database_error: str = ""
    refused: list[str] = field(default_factory=list)
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
    host: dict[str, Any] = field(default_factory=dict)
    near_cities: list[list[str]] | None = None
    degraded: list[dict[str, Any]] | None = None
    tables: list[dict[str, Any]] | None = None
    certificates: dict[str, float | str] = field(default_factory=dict)
