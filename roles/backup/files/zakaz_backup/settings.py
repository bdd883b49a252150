"""The settings the role ``backup`` writes for the program, in one JSON file that only its owner reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from .failures import RefusedFailure


@dataclass(frozen=True)
class Settings:
    """What the program knows of its deployment.

    Attributes:
        project: name of the deployment (``zakaz_name``); backups of another one are refused.
        commit: commit of the repository that was deployed.
        folder: where backups are kept, or for S3 where they are made and fetched to.
        databases: databases that are backed up.
        host, port, username, password: ClickHouse's HTTP interface and who asks.
        timeout: seconds one statement may take.
        container: ClickHouse's container; ``image`` of the throw-away one is what it runs.
        zakaz_dir: the deployment's folder; ``config_dir`` holds config.d and users.d of ClickHouse.
        state_volumes: state volume by loader.
        drill_memory: memory limit of the throw-away container, as Docker writes it.
        start_timeout: seconds it may take to answer.
        keep_daily, keep_weekly: how many days and weeks keep their newest good backup.
        reserve_bytes: what must stay free beside everything a backup and its drill need.
        age_recipient: public key backups are encrypted for; empty leaves them readable.
        age_identity: file of the secret key that opens them.
        s3: settings of the S3-compatible target, or None for the folder: ``path`` (bucket/prefix), ``endpoint``,
            ``region``, ``provider``, ``access_key_id``, ``secret_access_key``.
        metrics_file: Prometheus textfile to write; empty for none.
    """

    project: str
    commit: str
    folder: Path
    databases: tuple[str, ...]
    host: str
    port: int
    username: str
    password: str
    timeout: int
    container: str
    zakaz_dir: Path
    config_dir: Path
    state_volumes: dict[str, str]
    drill_memory: str
    start_timeout: int
    keep_daily: int
    keep_weekly: int
    reserve_bytes: int
    age_recipient: str
    age_identity: str
    s3: dict[str, str] | None
    metrics_file: str

    @property
    def encrypted(self) -> bool:
        """Whether backups are encrypted at rest."""
        return bool(self.age_recipient)


def load(path: Path) -> Settings:
    """Read the settings.

    :raises RefusedFailure: the file is missing, is no JSON, or was written by another version of the role.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RefusedFailure(f"The settings {path} cannot be read ({error}); run make deploy.") from error
    expected = {field.name for field in fields(Settings)}
    if set(found) != expected:
        odd = ", ".join(sorted(set(found) ^ expected))
        raise RefusedFailure(f"The settings {path} do not fit this program ({odd}); run make deploy.")
    for name in ("folder", "zakaz_dir", "config_dir"):
        found[name] = Path(found[name])
    return Settings(**{**found, "databases": tuple(found["databases"])})
