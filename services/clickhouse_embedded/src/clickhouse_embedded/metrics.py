"""Prometheus metrics: the engine's own, under the server's names, and this service's counters."""

from __future__ import annotations

from collections import Counter

from .engine import Engine

_PARTS = "system.parts WHERE active"
_SOURCES = (
    ("'ClickHouseProfileEvents_' || event", "value", "counter", "system.events"),
    ("'ClickHouseMetrics_' || metric", "value", "gauge", "system.metrics"),
    ("'ClickHouseAsyncMetrics_DiskAvailable_' || name", "free_space", "gauge", "system.disks"),
    ("'ClickHouseAsyncMetrics_DiskTotal_' || name", "total_space", "gauge", "system.disks"),
    ("'ClickHouseAsyncMetrics_Uptime'", "uptime()", "gauge", "system.one"),
    ("'ClickHouseAsyncMetrics_TotalPartsOfMergeTreeTables'", "count()", "gauge", _PARTS),
    ("'ClickHouseAsyncMetrics_TotalRowsOfMergeTreeTables'", "sum(rows)", "gauge", _PARTS),
    ("'ClickHouseAsyncMetrics_TotalBytesOfMergeTreeTables'", "sum(bytes)", "gauge", _PARTS),
)
_UNION = " UNION ALL ".join(
    f"SELECT {name} AS name, toFloat64({value}) AS value, '{kind}' AS type FROM {source}"  # noqa: S608  constants
    for name, value, kind, source in _SOURCES
)
_ENGINE_METRICS = f"SELECT * FROM ({_UNION}) ORDER BY name FORMAT Prometheus"  # noqa: S608  constants
_REQUESTS, _SECONDS = "clickhouse_embedded_http_requests_total", "clickhouse_embedded_http_request_seconds_total"


class Metrics:
    """Requests by ClickHouse error code (0 for success), and their duration in all."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()
        self.seconds = 0.0

    def render(self, engine: Engine) -> bytes:
        """The page, in Prometheus text format."""
        lines = [f'{_REQUESTS}{{exception_code="{code}"}} {n}' for code, n in sorted(self.requests.copy().items())]
        lines = [f"# TYPE {_REQUESTS} counter", *lines, f"# TYPE {_SECONDS} counter", f"{_SECONDS} {self.seconds:.6f}"]
        return "\n".join([*lines, ""]).encode() + engine.system_query(_ENGINE_METRICS).body
