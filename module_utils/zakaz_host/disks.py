"""Free space of the file systems that folders lie on, each file system once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# where an engine keeps its data unless its configuration says otherwise
_DOCKER_ROOT = "/var/lib/docker"
_DOCKER_CONFIGURATION = Path("/etc/docker/daemon.json")


def existing_parent(path: str) -> Path:
    """The nearest folder of a path that exists."""
    folder = Path(path)
    # not Path.exists, which fails on what this user may not see
    while not os.path.exists(folder):  # noqa: PTH110
        folder = folder.parent
    return folder


def future_docker_root(configuration: Path = _DOCKER_CONFIGURATION) -> str:
    """Where an engine that does not run yet will keep its data."""
    try:
        root = json.loads(configuration.read_text(encoding="utf-8")).get("data-root")
    except (OSError, ValueError, AttributeError):
        root = None
    return root if isinstance(root, str) and root.startswith("/") else _DOCKER_ROOT


def mount_point(path: Path) -> Path:
    """Where the file system of an existing path is mounted."""
    place = path.resolve()
    device = place.stat().st_dev
    while place != place.parent and place.parent.stat().st_dev == device:
        place = place.parent
    return place


def look(paths: Iterable[str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Measure the disks of some folders.

    :param paths: folders, or files
    :returns: a disk each with ``mount``, ``paths``, ``free`` and ``size`` in bytes, in the order of the paths; and a
        sentence for each path that could not be looked at
    """
    disks: dict[int, dict[str, Any]] = {}
    problems: dict[str, str] = {}
    for path in dict.fromkeys(paths):
        try:
            device = os.stat(path).st_dev  # noqa: PTH116 - one question, whatever the path is
            if device not in disks:
                usage = shutil.disk_usage(path)
                mount = str(mount_point(Path(path)))
                disks[device] = {"mount": mount, "paths": [], "free": usage.free, "size": usage.total}
            disks[device]["paths"].append(path)
        except (FileNotFoundError, NotADirectoryError):
            problems[path] = f"{path} is not there"
        except OSError as error:
            problems[path] = f"{path} cannot be looked at: {error.strerror}"
    return list(disks.values()), problems
