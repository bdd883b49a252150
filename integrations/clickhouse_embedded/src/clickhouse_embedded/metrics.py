"""Prometheus metrics: the engine's own, under the server's names, and this service's counters."""

from __future__ import annotations

import threading
from collections import Counter

from .engine import Engine

_SOURCES = (
    ("'ClickHouseProfileEvents_' || event", "value", "counter", "system.events"),
    ("'ClickHouseMetrics_' || metric", "value", "gauge", "system.metrics"),
    ("'ClickHouseAsyncMetrics_DiskAvailable_' || name", "free_space", "gauge", "system.disks"),
    ("'ClickHouseAsyncMetrics_DiskTotal_' || name", "total_space", "gauge", "system.disks"),
    ("'ClickHouseAsyncMetrics_Uptime'", "uptime()", "gauge", "system.one"),
    ("'ClickHouseAsyncMetrics_TotalPartsOfMergeTreeTables'", "count()", "gauge", "system.parts WHERE active"),
    ("'ClickHouseAsyncMetrics_TotalRowsOfMergeTreeTables'", "sum(rows)", "gauge", "system.parts WHERE active"),
    ("'ClickHouseAsyncMetrics_TotalBytesOfMergeTreeTables'", "sum(bytes)", "gauge", "system.parts WHERE active"),
)
_UNION = " UNION ALL ".join(
    f"SELECT {name} AS name, toFloat64({value}) AS value, '{kind}' AS type FROM {source}"  # noqa: S608  constants
    for name, value, kind, source in _SOURCES
)
_ENGINE_METRICS = f"SELECT * FROM ({_UNION}) ORDER BY name FORMAT Prometheus"  # noqa: S608  constants


class Metrics:
    """Counters of the HTTP interface, rendered together with the engine's metrics."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._requests: Counter[int] = Counter()
        self._seconds = 0.0

    def observe(self, code: int, seconds: float) -> None:
        """Count a request: its ClickHouse error code (0 for success) and its duration."""
        with self._lock:
            self._requests[code] += 1
            self._seconds += seconds

    def render(self) -> str:
        """The page, in Prometheus text format."""
        requests, seconds = "clickhouse_embedded_http_requests_total", "clickhouse_embedded_http_request_seconds_total"
        with self._lock:
            lines = [f'{requests}{{exception_code="{code}"}} {n}' for code, n in sorted(self._requests.items())]
            lines = [
                f"# TYPE {requests} counter",
                *lines,
                f"# TYPE {seconds} counter",
                f"{seconds} {self._seconds:.6f}",
            ]
        return "\n".join(lines) + "\n" + self._engine.system_query(_ENGINE_METRICS).body.decode()
