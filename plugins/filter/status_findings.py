"""Judge the state of a deployment: one finding a line, each with a verdict and, where it is bad, what to do."""

from __future__ import annotations

import json
from typing import Any

DOCUMENTATION = """
name: status_findings
short_description: Judge the state of a deployment
description:
  - Takes what the role C(status) has observed and returns findings in the order of a screen.
options:
  _input:
    description: Observations by name, see the role C(status).
    type: dict
    required: true
  limits:
    description: Thresholds C(freshness_minutes), C(backup_hours), C(disk_free_gb) and C(memory_free_mb).
    type: dict
    required: true
"""

OK, WARN, BAD = "ok", "warn", "bad"
_BYTES_IN_GB = 1e9
_KIB_IN_MB = 1024 / 1e6


def finding(verdict: str, subject: str, text: str) -> dict[str, str]:
    """Return one line of the screen."""
    return {"verdict": verdict, "subject": subject, "text": text}


def clickhouse_finding(server: dict[str, Any] | None, container: str) -> dict[str, str]:
    """Judge whether ClickHouse answers.

    :param server: its version, and its uptime in seconds; None when it does not
    :param container: the one it runs in; empty for an external ClickHouse
    """
    if not server:
        log = f"sudo docker logs --tail 50 {container}" if container else "its own server's log"
        return finding(BAD, "ClickHouse", f"does not answer; look at {log}, then run make deploy")
    hours, minutes = divmod(int(server["uptime"]) // 60, 60)
    return finding(OK, "ClickHouse", f"{server['version']} answers, up {hours} h {minutes} min")


def drift_finding(plan: list[dict[str, Any]] | None) -> dict[str, str]:
    """Judge the schema by the operations that would make it equal to the templates."""
    if plan is None:
        return finding(WARN, "schema", "not compared: ClickHouse does not answer")
    if not plan:
        return finding(OK, "schema", "equal to the templates")
    objects = ", ".join(sorted({operation["object"] for operation in plan})[:5])
    return finding(BAD, "schema", f"{len(plan)} objects differ ({objects}); make plan shows how, make deploy mends it")


def stale(loader: str, run: dict[str, Any] | None, freshness_minutes: int) -> str:
    """Say why a loader's data is older than promised; empty while it is fresh.

    :param run: its row of bi.v_ops_freshness, None when it has none
    :param freshness_minutes: most minutes between now and its last success
    """
    if run is None:
        return f"{loader} has never run"
    age = run["minutes_since_success"]
    if age is None:
        return f"{loader} has never succeeded: {run['last_error']}"
    if int(age) > freshness_minutes:
        return f"last success {age} min ago, at most {freshness_minutes} expected"
    return ""


def loader_finding(loader: str, run: dict[str, Any] | None, freshness_minutes: int) -> dict[str, str]:
    """Judge a loader by its last run and the age of its last success in minutes."""
    old = stale(loader, run, freshness_minutes)
    if run is None:
        return finding(BAD, loader, "has never run; start it with its command, or run make deploy")
    age = run["minutes_since_success"]
    rows = f"{run['last_rows_written']} rows new or changed, watermark {run['watermark'] or 'none'}"
    if age is None:
        return finding(BAD, loader, old.removeprefix(f"{loader} "))
    if run["last_status"] != "success":
        return finding(BAD, loader, f"last run {run['last_status']}: {run['last_error']}")
    if old:
        return finding(BAD, loader, f"{old}; {rows}")
    rejected, degraded = int(run["last_rows_rejected"]), int(run["last_fields_degraded"])
    text = f"last success {age} min ago; {rows}"
    if degraded:
        text += f"; {degraded} fields unreadable and left empty, see meta.degraded_fields"
    if rejected:
        return finding(WARN, loader, f"{text}; {rejected} records REJECTED, see meta.rejected_records")
    return finding(OK, loader, text)


def timer_finding(loader: str, shown: str) -> dict[str, str]:
    """Judge a loader's timer by what `systemctl show` prints: ActiveState and NextElapseUSecRealtime."""
    timer = dict(line.partition("=")[::2] for line in shown.splitlines())
    if timer.get("ActiveState") != "active":
        return finding(BAD, f"{loader} timer", f"is {timer.get('ActiveState', 'missing')}; run make deploy")
    return finding(OK, f"{loader} timer", f"next run {timer.get('NextElapseUSecRealtime') or 'unknown'}")


def city_finding(near: list[list[str]]) -> dict[str, str]:
    """Say which cities are one typing error apart.

    :param near: pairs, see the filter near_cities
    """
    pairs = ", ".join(" and ".join(pair) for pair in near[:5]) + (f" and {len(near) - 5} more" if near[5:] else "")
    return finding(
        WARN,
        "cities",
        f"one letter apart: {pairs}; where one is a slip of the other, make import-city-aliases FILE=… maps it, "
        "and where both are cities, it makes both known",
    )


def backup_finding(seen: dict[str, Any], most_hours: int) -> dict[str, str]:
    """Judge the backups by what the host's command ``list`` prints.

    :param seen: ``code`` (None where there is no command), ``output``, ``words`` and ``hours_here``: since when
        backups could have been made
    :param most_hours: age from which the last good one is too old; 0 where no timer makes them
    """
    if seen["code"] is None:
        return finding(WARN, "backup", "not set up; run make deploy")
    if seen["code"]:
        return finding(BAD, "backup", (seen["words"] or ["the list of backups cannot be read"])[-1])
    backups = json.loads(seen["output"][-1])["backups"]
    newest = backups[-1] if backups else None
    good = [backup for backup in backups if backup["good"]]
    if newest and newest["drill"] and not newest["good"]:
        return finding(BAD, "backup", f"the drill of {newest['name']} failed: {newest['drill']['reason']}")
    if not good:
        late = most_hours and seen["hours_here"] > most_hours
        return finding(BAD if late else WARN, "backup", "none with a passed drill yet; make backup makes one")
    last = good[-1]
    text = f"{last['name']}, {last['age_hours']:.0f} h old, drill passed in {last['drill']['seconds']:.0f} s"
    if most_hours and last["age_hours"] > most_hours:
        return finding(BAD, "backup", f"{text}: at most {most_hours} h expected; make backup makes one")
    if newest is not None and newest is not last:
        return finding(WARN, "backup", f"{text}; {newest['name']} has no drill, make drill proves it")
    return finding(OK, "backup", text)


def space_finding(subject: str, free: float, least: float, unit: str) -> dict[str, str]:
    """Judge free disk or memory against the least that is asked for."""
    verdict = OK if free >= 2 * least else WARN if free >= least else BAD
    short = "" if verdict == OK else f", below {2 * least:g} {unit}"
    return finding(verdict, subject, f"{free:.1f} {unit} free{short}")


def status_findings(seen: dict[str, Any], limits: dict[str, Any]) -> list[dict[str, str]]:
    """Judge everything the role observed.

    :param seen: ``server`` and ``container`` (see :func:`clickhouse_finding`), ``plan``, ``runs`` (rows of
        bi.v_ops_freshness), ``loaders`` (names), ``timers`` (loader → output of systemctl show), ``near_cities``
        (see :func:`city_finding`), ``backups`` (see :func:`backup_finding`), ``disk_free_bytes``, ``memory_free_kib``
    :param limits: ``freshness_minutes``, ``backup_hours``, ``disk_free_gb``, ``memory_free_mb``
    :returns: findings with ``verdict`` ok, warn or bad
    """
    runs = {run["loader"]: run for run in seen["runs"] or []}
    lines = [clickhouse_finding(seen["server"], seen["container"]), drift_finding(seen["plan"])]
    for loader in seen["loaders"]:
        if seen["runs"] is None:
            lines.append(finding(WARN, loader, "unknown: ClickHouse does not answer"))
        else:
            lines.append(loader_finding(loader, runs.get(loader), int(limits["freshness_minutes"])))
        if loader in seen["timers"]:
            lines.append(timer_finding(loader, seen["timers"][loader]))
    if seen["near_cities"]:
        lines.append(city_finding(seen["near_cities"]))
    lines.append(backup_finding(seen["backups"], int(limits["backup_hours"])))
    disk, memory = int(seen["disk_free_bytes"]) / _BYTES_IN_GB, int(seen["memory_free_kib"]) * _KIB_IN_MB
    lines.append(space_finding("disk", disk, float(limits["disk_free_gb"]), "GB"))
    lines.append(space_finding("memory", memory, float(limits["memory_free_mb"]), "MB"))
    return lines


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"status_findings": status_findings}
