"""One look at a host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import disks, docker, units

_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


def look(
    *,
    deployment: str,
    docker_host: str,
    folders: Sequence[str],
    services: Mapping[str, str],
    timers: Sequence[str],
    containers: Sequence[str],
    files: Sequence[str],
    notes: Mapping[str, str],
) -> dict[str, Any]:
    """Look at a host; what could not be seen is None or absent.

    :param deployment: its name
    :param docker_host: where the Docker Engine listens
    :param folders: those whose disks are measured, besides Docker's own
    :param services: unit's name by what it is called on the screen
    :param timers: units that start them
    :param containers: names of those that must run
    :param files: those that must be there
    :param notes: file in which a service's command notes how its runs end, by what the service is called
    :returns: ``docker`` (``error``, ``version``), ``containers`` (a sentence for each that does not serve), ``disks``,
        ``held`` (by container that holds a loader: what ``for``, and ``since`` when, in seconds since 1970),
        ``folders`` (of each a sentence why it is not there; empty where it is), ``memory`` (available bytes),
        ``services`` (``missing`` and ``end``), ``timers`` (``problem`` and ``next``), ``files`` (those missing)
    """
    engine: dict[str, str] = {"error": "", "version": ""}
    troubled: dict[str, str] | None = None
    held: dict[str, dict[str, Any]] = {}
    root: list[str] = []
    try:
        about = docker.about(docker_host)
        engine["version"] = str(about.get("ServerVersion", ""))
        root = [str(about["DockerRootDir"])] if about.get("DockerRootDir") else []
        running = docker.containers(docker_host, deployment)
        problems = {name: docker.container_problem(running.get(name)) for name in containers}
        troubled = {name: problem for name, problem in problems.items() if problem}
        held = docker.holds(running)
    except docker.EngineSilent as error:
        engine["error"] = str(error)
        # a full disk is a common reason
        assumed = disks.future_docker_root()
        root = [assumed] if Path(assumed).exists() else []
    measured, absent = disks.look([*root, *folders])
    shown = units.ask([f"{unit}.service" for unit in services.values()] + [f"{unit}.timer" for unit in timers])
    ends = {}
    for name in {**services, **notes}:
        unit = shown.get(f"{services[name]}.service", {}) if name in services else {}
        noted = units.noted_end(Path(notes[name])) if name in notes else None
        end = units.latest(units.last_end(unit) if unit else None, noted)
        missing = "systemd tells nothing of it" if name in services and not unit else units.missing(unit)
        ends[name] = {"missing": missing, "end": end}
    available = _AVAILABLE.search(Path("/proc/meminfo").read_text())
    return {
        "docker": engine,
        "containers": troubled,
        "held": held,
        "disks": measured,
        "folders": {path: absent.get(path, "") for path in [*root, *folders]},
        "memory": int(available.group(1)) * 1024 if available else None,
        "services": ends,
        "timers": {
            unit: {
                "problem": units.timer_problem(shown[f"{unit}.timer"]),
                "next": shown[f"{unit}.timer"].get("NextElapseUSecRealtime", ""),
            }
            for unit in timers
            if f"{unit}.timer" in shown
        },
        "files": [path for path in files if not Path(path).exists()],
    }
