"""Prometheus metrics: the engine's own tables and this service's counters."""

from __future__ import annotations

import re
import threading
from collections import Counter

from .engine import Engine

_ENGINE_METRICS = """
SELECT 'ClickHouseProfileEvents_' || event, 'counter', toString(value) FROM system.events
UNION ALL SELECT 'ClickHouseMetrics_' || metric, 'gauge', toString(value) FROM system.metrics
UNION ALL SELECT 'ClickHouseAsyncMetrics_' || metric, 'gauge', toString(value) FROM system.asynchronous_metrics
"""


class Metrics:
    """Counters of the HTTP interface, rendered with the engine's metrics under the server's names."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._by_code: Counter[int] = Counter()
        self._seconds = 0.0

    def observe(self, code: int, seconds: float) -> None:
        """Count a request: its ClickHouse error code (0 for success) and its duration."""
        with self._lock:
            self._by_code[code] += 1
            self._seconds += seconds

    def render(self) -> str:
        """The page, in Prometheus text format."""
        with self._lock:
            codes, seconds = dict(self._by_code), self._seconds
        lines = ["# TYPE clickhouse_embedded_http_requests_total counter"]
        lines += [
            f'clickhouse_embedded_http_requests_total{{exception_code="{c}"}} {n}' for c, n in sorted(codes.items())
        ]
        lines += ["# TYPE clickhouse_embedded_http_request_seconds_total counter"]
        lines += [f"clickhouse_embedded_http_request_seconds_total {seconds:.6f}"]
        for row in self._engine.system_query(_ENGINE_METRICS).body.decode().splitlines():
            name, kind, value = row.split("\t")
            name = re.sub(r"[^A-Za-z0-9_]", "_", name)
            lines += [f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join(lines) + "\n"
