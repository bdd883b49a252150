"""The settings file the role writes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .service_levels import Objectives


class SettingsError(Exception):
    """The settings file cannot be used; the text is a sentence for the operator."""


@dataclass(frozen=True)
class Limits:
    """When something is wrong.

    :param freshness_minutes: most minutes since a loader's last success.
    :param rejected_records: most records a loader may reject in 24 hours.
    :param mutation_minutes: minutes a mutation may take.
    :param parts: most parts a partition may have.
    :param disk_free_gb: least free disk in GB (10^9 bytes).
    :param memory_free_mb: least available memory in MB (10^6 bytes).
    :param backup_hours: most hours since the last backup with a passed drill; 0: backups are not watched.
    :param certificate_days: least days a certificate must still be valid.
    """

    freshness_minutes: int
    rejected_records: int
    mutation_minutes: int
    parts: int
    disk_free_gb: float
    memory_free_mb: float
    backup_hours: int
    certificate_days: int


@dataclass(frozen=True)
class Settings:
    """What the role `watch` decided.

    :param deployment: name of the deployment.
    :param command: how people type the loaders' commands: folder and prefix of the units.
    :param clickhouse: host, port, whether over HTTPS (secure), username and password.
    :param objectives: what is promised of a day; kept in meta.sli_daily beside what was.
    :param loaders: unit's name without suffix, by the loader's name.
    :param metric_files: file of a loader's own metrics on the host, by the loader's name.
    :param textfile: where Prometheus' node exporter finds our metrics; None: nowhere.
    :param disks: paths whose file systems are watched.
    :param certificates: endpoints `host:port` whose certificate is watched.
    :param databases: databases of the schema, whose drift is watched.
    """

    deployment: str
    clickhouse: dict[str, Any]
    loaders: dict[str, str]
    limits: Limits
    objectives: Objectives
    metric_files: dict[str, Path] = field(default_factory=dict)
    textfile: Path | None = None
    disks: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    databases: tuple[str, ...] = ("bi", "meta", "zakaz")
    units: bool = True


def load(path: Path) -> Settings:
    """Read the settings.

    :raises SettingsError: the file is missing, is no JSON, or lacks something.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["limits"] = Limits(**content["limits"])
        content["objectives"] = Objectives(**content["objectives"])
        content["metric_files"] = {name: Path(file) for name, file in content.get("metric_files", {}).items()}
        content["textfile"] = Path(content["textfile"]) if content.get("textfile") else None
        for name in ("disks", "certificates", "databases"):
            if name in content:
                content[name] = tuple(content[name])
        return Settings(**content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); run make deploy") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(f"{path} is not what the role watch writes; run make deploy") from None
