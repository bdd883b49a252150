"""Where backups are kept: a folder of this host (a disk, a mount), or an S3-compatible bucket through rclone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Protocol

from whole_file import sync_folder, write_whole

from .checksums import FILE as SUMS
from .failures import RefusedFailure, UnavailableFailure
from .manifest import parsed_name
from .processes import ProgramFailure, run

# Written by the role: tells our folder from one whose disk is not mounted.
MARKER = ".zakaz-backups"
PARTIAL = ".partial"
_FETCHED = "fetched"


class Store(Protocol):
    """Backups by name, each a handful of files."""

    def check(self) -> None:
        """Refuse a target that is not there.

        :raises UnavailableFailure: it does not answer.
        """
        ...

    def names(self) -> list[str]:
        """Names of all whole backups, in no order."""
        ...

    def read(self, name: str, file: str) -> bytes | None:
        """A small file of a backup, or None."""
        ...

    def write(self, name: str, file: str, text: str) -> None:
        """Add a small file to a backup, or replace it."""
        ...

    def publish(self, folder: Path, name: str) -> None:
        """Make a finished folder a backup, all at once."""
        ...

    def fetch(self, name: str) -> Path:
        """A folder of this host with the backup's files."""
        ...

    def release(self) -> None:
        """Clear what was fetched."""
        ...

    def sweep(self, project: str) -> None:
        """Clear what an interrupted run left at the target."""
        ...

    def delete(self, name: str) -> None:
        """Delete a backup."""
        ...


class FolderStore:
    """Backups as folders of one folder.

    :param folder: made by the role, with a marker file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> None:
        """See :class:`Store`."""
        if not (self._folder / MARKER).is_file():
            raise UnavailableFailure(
                f"backup_dir={self._folder} is not there or not ours (no {MARKER} in it): mount its disk, "
                "or run make deploy."
            )

    def names(self) -> list[str]:
        """See :class:`Store`."""
        return [path.parent.name for path in self._folder.glob(f"*/{SUMS}") if path.parent.suffix != PARTIAL]

    def read(self, name: str, file: str) -> bytes | None:
        """See :class:`Store`."""
        path = self._folder / name / file
        return path.read_bytes() if path.is_file() else None

    def write(self, name: str, file: str, text: str) -> None:
        """See :class:`Store`."""
        write_whole(self._folder / name / file, text.encode(), 0o644)

    def publish(self, folder: Path, name: str) -> None:
        """See :class:`Store`."""
        folder.rename(self._folder / name)
        sync_folder(self._folder)

    def fetch(self, name: str) -> Path:
        """See :class:`Store`."""
        return self._folder / name

    def release(self) -> None:
        """See :class:`Store`."""

    def sweep(self, project: str) -> None:
        """See :class:`Store`. Here unfinished backups are partial folders, which the run itself clears."""

    def delete(self, name: str) -> None:
        """See :class:`Store`."""
        # first out of the list, so that a half deleted one is never taken for a backup
        gone = (self._folder / name).rename(self._folder / f"{name}{PARTIAL}")
        shutil.rmtree(gone)


class S3Store:
    """Backups under a prefix of a bucket; SHA256SUMS is sent last and makes a backup whole.

    :param settings: ``path``, ``endpoint``, ``region``, ``provider``, ``access_key_id``, ``secret_access_key``.
    :param folder: local folder for what is fetched.
    """

    def __init__(self, settings: dict[str, str], folder: Path) -> None:
        self._settings = settings
        self._folder = folder / _FETCHED
        self._root = f"backups:{settings['path'].strip('/')}"
        # the environment, never the command line; a remote defined there is no file to leave behind
        # AWS_*: a host's own would mix in, and rclone breaks on AWS_CA_BUNDLE
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_BACKUPS_TYPE": "s3",
            "RCLONE_CONFIG_BACKUPS_PROVIDER": settings["provider"],
            "RCLONE_CONFIG_BACKUPS_ENDPOINT": settings["endpoint"],
            "RCLONE_CONFIG_BACKUPS_REGION": settings["region"],
            "RCLONE_CONFIG_BACKUPS_ACCESS_KEY_ID": settings["access_key_id"],
            "RCLONE_CONFIG_BACKUPS_SECRET_ACCESS_KEY": settings["secret_access_key"],
            # the bucket is somebody's decision, and its key may lack the right to make or look for one
            "RCLONE_CONFIG_BACKUPS_NO_CHECK_BUCKET": "true",
        }

    def _rclone(self, *arguments: str) -> str:
        command = ["rclone", "--retries", "3", "--low-level-retries", "3", "--contimeout", "20s", *arguments]
        try:
            return run(command, env=self._env)
        except ProgramFailure as failure:
            raise UnavailableFailure(
                f"The S3 target {self._settings['path']} at {self._settings['endpoint']} does not do what was asked: "
                f"{failure.words}. Look at backup_s3_endpoint, backup_s3_path and the keys."
            ) from failure

    def check(self) -> None:
        """See :class:`Store`."""
        self._rclone("lsf", "--max-depth", "1", "--dirs-only", self._root)

    def names(self) -> list[str]:
        """See :class:`Store`."""
        listed = self._rclone("lsf", "--recursive", "--max-depth", "2", "--files-only", "--include", SUMS, self._root)
        return [line.partition("/")[0] for line in listed.splitlines()]

    def read(self, name: str, file: str) -> bytes | None:
        """See :class:`Store`."""
        if not self._rclone("lsf", "--include", file, f"{self._root}/{name}").strip():
            return None
        return self._rclone("cat", f"{self._root}/{name}/{file}").encode()

    def write(self, name: str, file: str, text: str) -> None:
        """See :class:`Store`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{name}.{file}"
        draft.write_text(text, encoding="utf-8")
        self._rclone("copyto", str(draft), f"{self._root}/{name}/{file}")
        draft.unlink()

    def publish(self, folder: Path, name: str) -> None:
        """See :class:`Store`."""
        self._rclone("copy", "--exclude", SUMS, str(folder), f"{self._root}/{name}")
        self._rclone("copyto", str(folder / SUMS), f"{self._root}/{name}/{SUMS}")
        shutil.rmtree(folder)

    def fetch(self, name: str) -> Path:
        """See :class:`Store`."""
        target = self._folder / name
        shutil.rmtree(target, ignore_errors=True)
        self._rclone("copy", f"{self._root}/{name}", str(target))
        if not target.is_dir():
            raise RefusedFailure(f"There is no backup {name} in {self._settings['path']}.")
        return target

    def release(self) -> None:
        """See :class:`Store`."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def sweep(self, project: str) -> None:
        """See :class:`Store`."""
        whole = self.names()
        for line in self._rclone("lsf", "--max-depth", "1", "--dirs-only", self._root).splitlines():
            parsed = parsed_name(line.rstrip("/"))
            if parsed and parsed[0] == project and line.rstrip("/") not in whole:
                self._rclone("purge", f"{self._root}/{line.rstrip('/')}")

    def delete(self, name: str) -> None:
        """See :class:`Store`."""
        self._rclone("deletefile", f"{self._root}/{name}/{SUMS}")
        self._rclone("purge", f"{self._root}/{name}")
