"""Judge the state of a deployment: one finding a line, each with a verdict and, where it is bad, what to do."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
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
    description: The table of limits, see C(roles/watch/vars/main/limits.yml).
    type: dict
    required: true
"""

OK, WARN, BAD = "ok", "warn", "bad"
_BYTES_IN_GB = 1e9
_BYTES_IN_MB = 1e6
_MOSCOW = timezone(timedelta(hours=3), "MSK")


def finding(verdict: str, subject: str, text: str, page: str = "") -> dict[str, str]:
    """Return one line of the screen; the page says what to do."""
    return {"verdict": verdict, "subject": subject, "text": text, "page": page}


def clickhouse_finding(server: dict[str, Any] | None, container: str, docker_error: str = "") -> dict[str, str]:
    """Judge whether ClickHouse answers.

    :param server: its version, and its uptime in seconds; None when it does not
    :param container: the one it runs in; empty for an external ClickHouse
    :param docker_error: why Docker does not answer; empty when it does
    """
    if server:
        hours, minutes = divmod(int(server["uptime"]) // 60, 60)
        return finding(OK, "ClickHouse", f"{server['version']} answers, up {hours} h {minutes} min")
    if container and docker_error:
        return finding(BAD, "ClickHouse", "does not answer, because Docker does not", "docker-down.md")
    log = f"sudo docker logs --tail 50 {container}" if container else "its own server's log"
    return finding(BAD, "ClickHouse", f"does not answer; look at {log}, then run make deploy", "clickhouse-down.md")


def docker_findings(host: dict[str, Any]) -> list[dict[str, str]]:
    """Judge Docker and the containers that must run.

    :param host: ``docker`` and ``containers`` of the module host_state
    """
    error = host["docker"]["error"]
    if error:
        text = f"does not answer ({error}); look at systemctl status docker, start it with sudo systemctl start docker"
        return [finding(BAD, "Docker", text, "docker-down.md")]
    return [
        finding(OK, "Docker", f"{host['docker']['version']} answers"),
        *(
            finding(
                BAD,
                name,
                f"{problem}; look at sudo docker logs --tail 50 {name}, then run make deploy",
                "container-down.md",
            )
            for name, problem in (host["containers"] or {}).items()
        ),
    ]


def drift_finding(plan: list[dict[str, Any]] | None) -> dict[str, str]:
    """Judge the schema by the operations that would make it equal to the templates."""
    if plan is None:
        return finding(WARN, "schema", "not compared: ClickHouse does not answer", "clickhouse-down.md")
    if not plan:
        return finding(OK, "schema", "equal to the templates")
    objects = ", ".join(sorted({operation["object"] for operation in plan})[:5])
    text = f"{len(plan)} objects differ ({objects}); make plan shows how, make deploy mends it"
    return finding(BAD, "schema", text, "schema-drift.md")


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


def unnoticed_failure(end: dict[str, Any] | None, run: dict[str, Any] | None) -> str:
    """Say how the last run failed when the database does not know it; empty otherwise.

    A run that cannot begin, or cannot log in, leaves no row.

    :param end: how the last run ended: ``started`` and ``at`` (seconds since 1970), ``failed``, ``means``
    :param run: its row of bi.v_ops_freshness, with ``started_at`` and ``success_at`` in seconds since 1970
    """
    if not end or not end["failed"]:
        return ""
    if run:
        # a later run succeeded, such as a deployment's own
        if float(run["success_at"] or 0) >= end["at"] > 0:
            return ""
        # its own row has the reason in its own words
        if run["last_status"] != "success" and float(run["started_at"]) >= end["started"] > 0:
            return ""
    return f"the last run failed ({end['means']})"


def loader_finding(
    loader: str, run: dict[str, Any] | None, freshness_minutes: int, end: dict[str, Any] | None = None, more: str = ""
) -> dict[str, str]:
    """Judge a loader by its last run and the age of its last success in minutes.

    :param end: see :func:`unnoticed_failure`
    :param more: the command that shows more of a failure
    """
    failed = unnoticed_failure(end, run)
    if failed:
        return finding(BAD, loader, f"{failed}; {more} shows more", "loader-failed.md")
    old = stale(loader, run, freshness_minutes)
    if run is None:
        return finding(BAD, loader, "has never run; start it with its command, or run make deploy", "loader-stale.md")
    age = run["minutes_since_success"]
    rows = f"{run['last_rows_written']} rows new or changed, watermark {run['watermark'] or 'none'}"
    if age is None:
        return finding(BAD, loader, old.removeprefix(f"{loader} "), "loader-failed.md")
    if run["last_status"] != "success":
        return finding(BAD, loader, f"last run {run['last_status']}: {run['last_error']}", "loader-failed.md")
    if old:
        return finding(BAD, loader, f"{old}; {rows}", "loader-stale.md")
    rejected, degraded = int(run["last_rows_rejected"]), int(run["last_fields_degraded"])
    text = f"last success {age} min ago; {rows}"
    if degraded:
        text += f"; {degraded} fields unreadable and left empty, see meta.degraded_fields"
    if rejected:
        text += f"; {rejected} records REJECTED, see meta.rejected_records"
        return finding(WARN, loader, text, "rejected-records.md")
    return finding(OK, loader, text)


def timer_finding(name: str, timer: dict[str, str], unit: str) -> dict[str, str]:
    """Judge a timer.

    :param timer: ``problem``, and when it elapses ``next`` (``@`` and seconds since 1970, or empty while it runs)
    """
    if timer["problem"]:
        text = f"{timer['problem']}; look at systemctl status {unit}.timer, then run make deploy"
        return finding(BAD, f"{name} timer", text, "loader-stale.md")
    elapses = timer["next"].removeprefix("@")
    when = datetime.fromtimestamp(float(elapses), _MOSCOW).strftime("%H:%M MSK") if elapses.isdigit() else "unknown"
    return finding(OK, f"{name} timer", f"next run {when}")


def hold_finding(held: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Say that loaders are held, for what and since when: they load nothing meanwhile.

    :param held: what holds them, of the module host_state; not empty
    """
    first = min(held.values(), key=lambda one: one["since"])
    since = datetime.fromtimestamp(first["since"], _MOSCOW).strftime("%Y-%m-%d %H:%M MSK")
    names = ", ".join(name.removesuffix("-hold") for name in held)
    return finding(
        WARN,
        "loaders",
        f"{names} held for {first['for']} since {since}; where nothing is at work any more, make deploy lets them run",
        "loader-stale.md",
    )


def service_finding(name: str, unit: str, service: dict[str, Any]) -> dict[str, str] | None:
    """Judge a unit that is no loader by how it ended; None where there is nothing to say.

    :param service: ``missing``, why it cannot be started, and ``end``, see :func:`unnoticed_failure`
    """
    page = {"backup": "backup-failed.md", "watch": "watch-failed.md"}.get(name, "unit-failed.md")
    if service["missing"]:
        return finding(BAD, f"{name} unit", f"{service['missing']}; run make deploy", page)
    end = service["end"]
    if end and end["failed"]:
        text = f"the last run failed ({end['means']}); sudo journalctl --unit {unit} --lines 40 --output cat shows more"
        return finding(BAD, f"{name} unit", text, page)
    return None


def unit_findings(name: str, unit: str, host: dict[str, Any], is_loader: bool) -> list[dict[str, str]]:
    """Judge what starts a service and how it ended; a loader's end is judged with its runs."""
    lines = []
    service = host["services"].get(name)
    if service and (not is_loader or service["missing"]):
        lines.append(service_finding(name, unit, service))
    timer = host["timers"].get(unit)
    if timer and (is_loader or timer["problem"]):
        lines.append(timer_finding(name, timer, unit))
    return [line for line in lines if line]


def near_words(near: list[list[str]]) -> str:
    """Name the first pairs of near cities, see the filter near_cities."""
    return ", ".join(" and ".join(pair) for pair in near[:5]) + (f" and {len(near) - 5} more" if near[5:] else "")


def city_finding(near: list[list[str]]) -> dict[str, str]:
    """Say which cities are one typing error apart.

    :param near: pairs, see the filter near_cities
    """
    return finding(
        WARN,
        "cities",
        f"one letter apart: {near_words(near)}; where one is a slip of the other, make import-city-aliases FILE=… maps "
        "it, and where both are cities, it makes both known",
        "near-cities.md",
    )


def degraded_words(worst: dict[str, Any], most: float) -> str:
    """Say that a loader's field is unreadable in too many records; empty while few are.

    :param worst: the loader's row of meta.v_degraded_last_day
    :param most: largest share that may lack it
    """
    if float(worst["share"]) <= most:
        return ""
    return (
        f"{worst['records']} records of one run ({float(worst['share']):.1%}) lack {worst['field']}: {worst['reason']};"
        f" at most {most:.1%} expected"
    )


def silent_words(table: dict[str, Any], at: float, days: int) -> str:
    """Say that a table got no row for too long; empty while it does, or where nobody asks.

    :param table: its row of meta.v_tables_loaded, with ``at`` in seconds since 1970
    :param days: most days; 0: any number
    """
    age = (at - float(table["at"])) / 86400
    if not days or age <= days:
        return ""
    since = "never got a row" if int(table["is_empty"]) else f"got no new row for {age:.0f} days"
    return f"{table['table']} {since}, at most {days} days expected, although {table['loader']} succeeds"


def backup_finding(seen: dict[str, Any], most_hours: int) -> dict[str, str]:
    """Judge the backups by what the host's command ``list`` prints.

    :param seen: ``code`` (None where there is no command), ``output``, ``words`` and ``hours_here``: since when
        backups could have been made
    :param most_hours: age from which the last good one is too old; 0 where no timer makes them
    """
    if seen["code"] is None:
        return finding(WARN, "backup", "not set up; run make deploy", "backup-failed.md")
    if seen["code"]:
        return finding(BAD, "backup", (seen["words"] or ["the list of backups cannot be read"])[-1], "backup-failed.md")
    backups = json.loads(seen["output"][-1])["backups"]
    newest = backups[-1] if backups else None
    good = [backup for backup in backups if backup["good"]]
    if newest and newest["drill"] and not newest["good"]:
        return finding(
            BAD, "backup", f"the drill of {newest['name']} failed: {newest['drill']['reason']}", "backup-failed.md"
        )
    if not good:
        late = most_hours and seen["hours_here"] > most_hours
        return finding(
            BAD if late else WARN, "backup", "none with a passed drill yet; make backup makes one", "backup-failed.md"
        )
    last = good[-1]
    text = f"{last['name']}, {last['age_hours']:.0f} h old, drill passed in {last['drill']['seconds']:.0f} s"
    if most_hours and last["age_hours"] > most_hours:
        return finding(
            BAD, "backup", f"{text}: at most {most_hours} h expected; make backup makes one", "backup-failed.md"
        )
    if newest is not None and newest is not last:
        return finding(
            WARN, "backup", f"{text}; {newest['name']} has no drill, make drill proves it", "backup-failed.md"
        )
    return finding(OK, "backup", text)


def space_finding(subject: str, free: float, least: float, unit: str, page: str = "") -> dict[str, str]:
    """Judge free disk or memory against the least that is asked for."""
    verdict = OK if free >= 2 * least else WARN if free >= least else BAD
    short = "" if verdict == OK else f", below {2 * least if verdict == WARN else least:g} {unit}"
    return finding(verdict, subject, f"{free:.1f} {unit} free{short}", page)


def status_findings(seen: dict[str, Any], limits: dict[str, Any]) -> list[dict[str, str]]:
    """Judge everything the role observed.

    :param seen: ``at`` (seconds since 1970), ``server`` and ``container`` (see :func:`clickhouse_finding`), ``plan``,
        ``refused`` (questions that ClickHouse did not answer, though it does others),
        ``runs`` (rows of bi.v_ops_freshness), ``loaders`` (their commands by name), ``sources_off`` (what to say of
        sources that are off, by name), ``services`` (units by name),
        ``host`` (of the module host_state), ``near_cities`` (see :func:`city_finding`), ``degraded`` (rows of
        meta.v_degraded_last_day), ``tables`` (rows of meta.v_tables_loaded), ``backups`` (see :func:`backup_finding`;
        None where they are made elsewhere)
    :param limits: the table of limits, by name
    :returns: findings with ``verdict`` ok, warn or bad, and the ``page`` that says what to do
    """
    runs = {run["loader"]: run for run in seen["runs"] or []}
    host, services = seen["host"], seen["services"]
    lines = [clickhouse_finding(seen["server"], seen["container"], host["docker"]["error"]), *docker_findings(host)]
    lines.append(drift_finding(seen["plan"]))
    if seen["refused"]:
        text = f"ClickHouse cannot be asked for {', '.join(seen['refused'])}; make plan shows what differs"
        lines.append(finding(BAD, "questions", text, "schema-drift.md"))
    for loader, command in seen["loaders"].items():
        unit = services.get(loader, "")
        more = f"sudo journalctl --unit {unit} --lines 40 --output cat" if unit else f"sudo {command} check"
        end = host["services"].get(loader, {}).get("end")
        if seen["runs"] is None and not unnoticed_failure(end, None):
            lines.append(finding(WARN, loader, "unknown: ClickHouse does not tell", "clickhouse-down.md"))
        else:
            most = int(limits["loader_stale"]["limit"])
            lines.append(loader_finding(loader, runs.get(loader), most, end, more))
        lines += unit_findings(loader, unit, host, True)
    lines += [finding(OK, source, words) for source, words in seen["sources_off"].items()]
    for name, unit in services.items():
        if name not in seen["loaders"]:
            lines += unit_findings(name, unit, host, False)
    if host["held"]:
        lines.append(hold_finding(host["held"]))
    lines += [
        finding(BAD, "files", f"{path} is missing; make deploy writes it anew", limits["files_missing"]["page"])
        for path in host["files"]
    ]
    if len(seen["near_cities"]) > int(limits["cities_near"]["limit"]):
        lines.append(city_finding(seen["near_cities"]))
    for worst in seen["degraded"]:
        if text := degraded_words(worst, float(limits["fields_degraded"]["limit"])):
            lines.append(finding(WARN, f"{worst['loader']} fields", text, limits["fields_degraded"]["page"]))
    for table in seen["tables"]:
        if text := silent_words(table, float(seen["at"]), int(limits["source_silent"]["limit"])):
            lines.append(finding(WARN, "sources", text, limits["source_silent"]["page"]))
    if seen["backups"] is not None:
        lines.append(backup_finding(seen["backups"], int(limits["backup_old"]["limit"])))
    least, page = float(limits["disk_low"]["limit"]), limits["disk_low"]["page"]
    lines += [
        space_finding(f"disk {disk['mount']}", disk["free"] / _BYTES_IN_GB, least, "GB", page) for disk in host["disks"]
    ]
    lines += [finding(BAD, "disk", sentence, page) for sentence in host["folders"].values() if sentence]
    if host["memory"] is not None:
        least, page = float(limits["memory_low"]["limit"]), limits["memory_low"]["page"]
        lines.append(space_finding("memory", host["memory"] / _BYTES_IN_MB, least, "MB", page))
    return lines


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"status_findings": status_findings}
