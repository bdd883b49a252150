"""The backups of this deployment: which there are, which are good, which one was asked for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .checksums import FILE as SUMS
from .failures import RefusedFailure
from .manifest import MANIFEST, parsed_name, read_manifest
from .store import Store

VERDICT = "drill.json"
LATEST = "latest"


@dataclass(frozen=True)
class Verdict:
    """What a drill found, kept beside the backup so that it outlives the database.

    Attributes:
        passed: whether everything came back as it was.
        reason: a sentence when it did not.
        seconds: duration of the whole drill; ``restore_seconds`` of the engine's RESTORE alone.
        sums: SHA-256 of SHA256SUMS, so that a verdict counts for the files it was made on only.
    """

    passed: bool
    reason: str
    at: str
    seconds: float
    restore_seconds: float
    engine_version: str
    sums: str

    def text(self) -> str:
        """The content of drill.json."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Backup:
    """A stored backup; ``verdict`` is that of its last drill, None when there was none for these files."""

    name: str
    project: str
    created_at: datetime
    verdict: Verdict | None

    @property
    def good(self) -> bool:
        """A backup counts only after a drill that passed."""
        return self.verdict is not None and self.verdict.passed


def sums_digest(store: Store, name: str) -> str:
    """SHA-256 of a backup's list of checksums."""
    return hashlib.sha256(store.read(name, SUMS) or b"").hexdigest()


def _verdict(store: Store, name: str) -> Verdict | None:
    try:
        found: dict[str, Any] = json.loads(store.read(name, VERDICT) or b"null")
        verdict = Verdict(**found) if found else None
    except (ValueError, TypeError):
        return None
    return verdict if verdict and verdict.sums == sums_digest(store, name) else None


def stored(store: Store, project: str | None = None) -> list[Backup]:
    """All backups, oldest first.

    :param project: only this deployment's.
    """
    found = []
    for name in store.names():
        parsed = parsed_name(name)
        if parsed and project in (None, parsed[0]):
            found.append(Backup(name, parsed[0], parsed[1], _verdict(store, name)))
    return sorted(found, key=lambda backup: backup.created_at)


def choose(store: Store, wanted: str, project: str) -> Backup:
    """The backup of that name; ``latest`` is the newest good one of the project.

    :raises RefusedFailure: there is none.
    """
    if wanted == LATEST:
        good = [backup for backup in stored(store, project) if backup.good]
        if not good:
            raise RefusedFailure(
                f"There is no backup of {project} with a passed drill. Take one with make backup, "
                "or bring one into backup_dir and prove it with make drill."
            )
        return good[-1]
    for backup in stored(store):
        if backup.name == wanted:
            return backup
    known = ", ".join(backup.name for backup in stored(store)[-5:]) or "none"
    raise RefusedFailure(f"There is no backup {wanted}; the newest ones: {known}.")


def choose_to_restore(store: Store, wanted: str, project: str, *, has_key: bool, undrilled: bool) -> Backup:
    """The backup that a restore would take, asked before there is anything to restore it into.

    :param project: deployment whose backup is meant.
    :param has_key: whether encrypted backups can be opened.
    :param undrilled: accept one without a passed drill, since it will be drilled first.
    :raises RefusedFailure: there is none, or it could not be restored.
    """
    if wanted == LATEST and undrilled:
        mine = stored(store, project)
        chosen = next((backup for backup in reversed(mine) if backup.good), mine[-1] if mine else None)
        if chosen is None:
            raise RefusedFailure(f"There is no backup of {project}.{_others(store, project)}")
    elif wanted == LATEST:
        mine = stored(store, project)
        good = [backup for backup in mine if backup.good]
        if not good:
            raise RefusedFailure(
                f"There is no backup of {project} with a passed drill.{_others(store, project)}"
                + (f" Without one: {', '.join(backup.name for backup in mine[-5:])}." if mine else "")
            )
        chosen = good[-1]
    else:
        chosen = choose(store, wanted, project)
        if chosen.project != project:
            raise RefusedFailure(f"{chosen.name} is a backup of {chosen.project}, not of {project}.")
    if read_manifest(store.read(chosen.name, MANIFEST) or b"", chosen.name).encrypted and not has_key:
        raise RefusedFailure(
            f"{chosen.name} is encrypted, and backup_age_identity is empty: put its secret key into Vault."
        )
    return chosen


def _others(store: Store, project: str) -> str:
    others = sorted({backup.project for backup in stored(store)} - {project})
    return f" Backups of other deployments there: {', '.join(others)}; restore_project names one." if others else ""
