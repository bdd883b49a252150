"""What a backup says of itself: ``manifest.json`` for anyone, ``figures.json`` encrypted with the data."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from .failures import DataFailure
from .figures import Figures

FORMAT = 1
MANIFEST, FIGURES, DATA, HOST = "manifest.json", "figures.json", "clickhouse.tar", "host.tar"
_NAME = re.compile(r"(?P<project>.+)-(?P<time>\d{8}T\d{6}Z)")
_TIME = "%Y%m%dT%H%M%SZ"


def backup_name(project: str, at: datetime) -> str:
    """Name of the backup a project makes at a time, to the second, UTC."""
    return f"{project}-{at.astimezone(UTC).strftime(_TIME)}"


def parsed_name(name: str) -> tuple[str, datetime] | None:
    """Project and time of a backup's name, or None for any other name."""
    match = _NAME.fullmatch(name)
    if not match:
        return None
    return match["project"], datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Manifest:
    """What may be known without a key.

    Attributes:
        engine_version: version of the ClickHouse that made it.
        schema_fingerprint: digest of every definition, as in ``meta.schema_journal``.
        databases: comment by database.
        encrypted: whether the other files are encrypted.
    """

    name: str
    project: str
    created_at: str
    commit: str
    engine_version: str
    schema_fingerprint: str
    databases: dict[str, str]
    tables: int
    rows: int
    bytes: int
    encrypted: bool
    format: int = FORMAT

    def text(self) -> str:
        """The content of manifest.json."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Content:
    """What the backup holds: figures by table, and the definition of each view."""

    tables: dict[str, Figures] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The content of figures.json."""
        tables = {name: found.stored() for name, found in self.tables.items()}
        return json.dumps({"tables": tables, "views": self.views}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def read_manifest(text: str | bytes, name: str) -> Manifest:
    """Read manifest.json.

    :raises DataFailure: it is damaged, or of a format this program does not know.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        if found["format"] != FORMAT:
            raise DataFailure(
                f"{name} has the format {found['format']}, this program reads {FORMAT}; "
                f"use the commit it was made with, {found.get('commit')}."
            )
        return Manifest(**found)
    except (ValueError, TypeError, KeyError) as error:
        raise DataFailure(f"{name}/{MANIFEST} is damaged ({error}); use another backup.") from error


def read_content(text: str | bytes, name: str) -> Content:
    """Read figures.json.

    :raises DataFailure: it is damaged.
    """
    try:
        found = json.loads(text)
        return Content(
            tables={table: Figures(**figures) for table, figures in found["tables"].items()}, views=found["views"]
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DataFailure(f"{name}/{FIGURES} is damaged ({error}); use another backup.") from error


def release(version: str) -> tuple[int, int]:
    """Year and month of a ClickHouse version: ``26.3.9.1`` → (26, 3)."""
    year, month = version.split(".")[:2]
    return int(year), int(month)
