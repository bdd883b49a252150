"""Metrics of the last run as a Prometheus textfile.

Alerts fire on absence, so a failed run keeps the old success.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

log = structlog.get_logger()


def write_metrics(
    target: Path,
    state_dir: Path,
    loader: str,
    *,
    succeeded: bool,
    finished_at: datetime,
    exit_code: int,
    rows: Mapping[str, int],
    requests: Mapping[str, int],
    slept_seconds: float,
    duration_seconds: float,
    watermark: datetime | None,
) -> None:
    """Write `target` whole (a reader never sees half).

    A file that cannot be written is a warning, not a failure.
    """
    success_file = state_dir / f"{loader}.last_success"
    try:
        if succeeded:
            success_file.write_text(str(int(finished_at.timestamp())))
        last_success = int(success_file.read_text()) if success_file.exists() else 0
        registry = CollectorRegistry()

        def gauge(name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"zakaz_loader_{name}", text, ("loader", *labels), registry=registry)

        gauge("last_success_timestamp_seconds", "End of the last successful run").labels(loader).set(last_success)
        gauge("last_run_timestamp_seconds", "End of the last run").labels(loader).set(finished_at.timestamp())
        gauge("last_run_exit_code", "Exit code of the last run").labels(loader).set(exit_code)
        gauge("last_run_duration_seconds", "Duration of the last run").labels(loader).set(duration_seconds)
        gauge("last_run_slept_seconds", "Time spent waiting in the last run").labels(loader).set(slept_seconds)
        by_stage = gauge("last_run_rows", "Rows of the last run", ("stage",))
        for stage, count in rows.items():
            by_stage.labels(loader, stage).set(count)
        by_code = gauge("last_run_requests", "Requests of the last run", ("code",))
        for code, count in requests.items():
            by_code.labels(loader, code).set(count)
        if watermark is not None:
            lag = (finished_at - watermark).total_seconds()
            gauge("watermark_lag_seconds", "Age of the watermark at the end of the run").labels(loader).set(lag)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(target), registry)
        target.chmod(0o644)  # the collector is another user
    except (OSError, ValueError) as error:
        log.warning("metrics_not_written", file=str(target), cause=error.__class__.__name__)
