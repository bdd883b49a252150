"""What a failing unit makes people hear, and that every page's commands can be typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sources import ENABLED, unit_of

PAGES = Path(__file__).parents[3] / "docs" / "operations"
UNIT = "zakaz-molecule-probe.service"
RECEIVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with open("/run/alerts.jsonl", "ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\\n")
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", 18099), Handler).serve_forever()
"""


def received(host):
    """What was told of the probe; other units may have failed before, with nobody to listen."""
    lines = host.check_output("cat /run/alerts.jsonl 2>/dev/null || true").splitlines()
    return [message for message in map(json.loads, lines) if message["subject"] == UNIT]


@pytest.fixture
def probe(host):
    """A unit of the deployment that ends with the exit code in /run/probe."""
    for name, text in {
        "/run/receiver.py": RECEIVER,
        f"/run/systemd/system/{UNIT}": (
            "[Unit]\nOnFailure=zakaz-alert@%n.service\nOnSuccess=zakaz-recovered@%n.service\n"
            "[Service]\nType=oneshot\nSuccessExitStatus=75\n"
            """ExecStart=/bin/sh -c 'echo "{\\\\"error\\\\": \\\\"no answer\\\\"}"; exit $(cat /run/probe)'\n"""
        ),
    }.items():
        host.run("mkdir -p $(dirname %s) && printf '%%s' %s > %s", name, text, name)
    host.run("rm -f /run/alerts.jsonl; systemctl daemon-reload")
    host.check_output("systemd-run --unit zakaz-molecule-receiver --collect python3 /run/receiver.py")
    host.run("for n in $(seq 50); do ss -ltn | grep -q 127.0.0.1:18099 && break; sleep 0.1; done")

    def end(code):
        host.run("echo %s > /run/probe; systemctl start %s", str(code), UNIT)
        # the handler is started by systemd after the unit has ended
        host.run(
            "for n in $(seq 100); do systemctl is-active --quiet 'zakaz-alert@%s*' 'zakaz-recovered@%s*' || "
            "systemctl list-jobs | grep -q zakaz- || break; sleep 0.1; done; sleep 1",
            "zakaz",
            "zakaz",
        )

    yield end
    host.run("systemctl stop zakaz-molecule-receiver; systemctl reset-failed %s", UNIT)
    host.run("rm -f /run/systemd/system/%s; systemctl daemon-reload", UNIT)
    host.run("/opt/zakaz/zakaz-alert list")


def test_people_hear_once_of_a_failure_and_once_of_its_end(host, probe):
    for code in (0, 69, 69, 75, 0, 0):
        probe(code)
    told = received(host)
    assert [message["event"] for message in told] == ["firing", "resolved"]
    assert "no answer (exit code 69: a service it needs does not answer)" in told[0]["problem"]
    assert told[0]["command"] == f"sudo journalctl --unit {UNIT} --lines 40 --output cat"


def test_loaders_tell_when_they_fail(host):
    for unit in (*map(unit_of, ENABLED), "zakaz-watch"):
        shown = host.check_output("systemctl show %s.service --property=OnFailure,OnSuccess", unit)
        assert f"OnFailure=zakaz-alert@{unit}.service.service" in shown
        assert f"OnSuccess=zakaz-recovered@{unit}.service.service" in shown


def test_settings_with_secrets_are_for_root_alone(host):
    for name in ("alerts.json", "watch.json"):
        file = host.file(f"/opt/zakaz/{name}")
        assert (file.user, file.mode) == ("root", 0o600)


def test_watch_looks_and_leaves_metrics_for_the_node_exporter(host):
    timer = host.service("zakaz-watch.timer")
    assert timer.is_enabled
    assert timer.is_running
    looked = host.run("systemctl start zakaz-watch.service")
    assert looked.rc == 0, host.run("journalctl --unit zakaz-watch.service --lines 30").stdout
    file = host.file("/var/lib/prometheus/node-exporter/zakaz.prom")
    assert file.mode == 0o644
    assert 'zakaz_clickhouse_up{deployment="zakaz"} 1' in file.content_string
    for source in ENABLED:
        sample = f'zakaz_loader_last_success_timestamp_seconds{{deployment="zakaz",loader="{source}"}}'
        assert re.search(rf"{re.escape(sample)} \d", file.content_string)


def test_watch_keeps_a_row_a_day_as_its_own_user(host):
    # it measures every half hour, and may have looked before the loaders ran
    host.run("rm -f /opt/zakaz/alerts/measured")
    looked = host.run("systemctl start zakaz-watch.service")
    assert looked.rc == 0, host.run("journalctl --unit zakaz-watch.service --lines 30").stdout
    asked = (
        "import json, urllib.request as r; w = json.load(open('/opt/zakaz/watch.json'))['clickhouse'];"
        "h = {'X-ClickHouse-User': w['username'], 'X-ClickHouse-Key': w['password']};"
        "q = b'SELECT sli, subject FROM meta.v_sli_latest';"
        "print(r.urlopen(r.Request(f'http://127.0.0.1:{w[\"port\"]}/', data=q, headers=h)).read().decode())"
    )
    kept = host.check_output("python3 -c %s", asked)
    for source in ENABLED:
        assert f"freshness\t{source}" in kept
        assert f"rejected_share\t{source}" in kept
    assert "reconciliation\tsales_revenue/RUB" in kept


def commands():
    """Every command of the pages that is typed on the host."""
    found = []
    for page in sorted(PAGES.glob("*.md")):
        for block in re.findall(
            r"<!-- not run: Molecule [^\n]*-->\n```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL
        ):
            found += [(page.stem, line) for line in block.splitlines()]
    return found


@pytest.mark.parametrize(("page", "command"), commands(), ids=lambda text: text)
def test_command_of_a_page_can_be_typed(host, page, command):
    done = host.run(command)
    said = done.stdout + done.stderr
    # systemctl status says 3 of a unit at rest, journalctl --grep 1 of nothing found
    assert done.rc in (0, 1, 3), said
    assert not re.search(r"not found|No such file|[Uu]nknown|[Uu]nrecognized|invalid option|Traceback", said), said


def test_every_alert_page_has_its_first_commands():
    with_commands = {page for page, _ in commands()} | {"certificate", "schema-drift", "near-cities"}
    linked = set(re.findall(r"\]\(([a-z-]+)\.md\)", (PAGES / "alerts.md").read_text(encoding="utf-8")))
    assert linked <= with_commands
