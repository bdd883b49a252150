"""Age and verdict of the backups as a Prometheus textfile; a failed run keeps the old time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from whole_file import write_whole

from .backups import Backup


def write(path: str, backups: Sequence[Backup]) -> None:
    """Write the file whole; an empty path writes none."""
    if not path:
        return
    good = [backup for backup in backups if backup.good]
    drilled = [(backup.good, backup.verdict.seconds) for backup in backups if backup.verdict]
    values = [
        ("last_good_timestamp_seconds", "When the newest backup with a passed drill was made",
         good[-1].created_at.timestamp() if good else 0),
        ("last_drill_passed", "Whether the drill of the newest drilled backup passed",
         int(drilled[-1][0]) if drilled else 0),
        ("last_drill_duration_seconds", "Duration of that drill", drilled[-1][1] if drilled else 0),
        ("good_count", "Backups with a passed drill", len(good)),
    ]  # fmt: skip
    lines = []
    for name, text, value in values:
        lines += [
            f"# HELP zakaz_backup_{name} {text}",
            f"# TYPE zakaz_backup_{name} gauge",
            f"zakaz_backup_{name} {value}",
        ]
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # the collector is another user
    write_whole(target, ("\n".join(lines) + "\n").encode(), 0o644)
