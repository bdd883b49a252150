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
class Limit:
    """A row of the table of limits, see the role's vars/main/limits.yml.

    :param limit: the number, in the table's unit; 0 where any is too many.
    :param severity: critical or warning.
    :param page: file name of the page that says what to do.
    """

    severity: str
    page: str
    limit: float = 0


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
    :param limits: when something is wrong, by name.
    :param look: what is looked at on the host, as `zakaz_host.look.look` takes it.
    :param silent_tables: tables that must get rows.
    :param certificates: endpoints `host:port` whose certificate is watched.
    :param databases: databases of the schema, whose drift is watched.
    """

    deployment: str
    clickhouse: dict[str, Any]
    loaders: dict[str, str]
    limits: dict[str, Limit]
    objectives: Objectives
    metric_files: dict[str, Path] = field(default_factory=dict)
    textfile: Path | None = None
    look: dict[str, Any] = field(default_factory=dict)
    silent_tables: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    databases: tuple[str, ...] = ("bi", "meta", "zakaz")


def load(path: Path) -> Settings:
    """Read the settings.

    :raises SettingsError: the file is missing, is no JSON, or lacks something.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["limits"] = {
            name: Limit(row["severity"], row["page"], row.get("limit", 0)) for name, row in content["limits"].items()
        }
        content["objectives"] = Objectives(**content["objectives"])
        content["metric_files"] = {name: Path(file) for name, file in content.get("metric_files", {}).items()}
        content["textfile"] = Path(content["textfile"]) if content.get("textfile") else None
        for name in ("silent_tables", "certificates", "databases"):
            if name in content:
                content[name] = tuple(content[name])
        return Settings(**content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); run make deploy") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SettingsError(f"{path} is not what the role watch writes; run make deploy") from None
