"""Whatever a loader or a library of it says is one JSON object a line."""

import json
import os
import subprocess
import sys
from pathlib import Path

SOURCES = [Path(__file__).parents[1] / "src", Path(__file__).parents[3] / "module_utils"]
ENV = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES))}

# as the loaders' commands do, before anything of the APIs is imported
RETRIES = """
import clickhouse_connect
from zakaz_common.run_log import configure_logs
from zakaz_common.deadline import Deadline
from zakaz_common.statements import Statements
from zakaz_common.errors import UnavailableError
configure_logs("info", "ad_network")
def client():
    return clickhouse_connect.get_client(host="127.0.0.1", port=1, username="loader", password="secret-of-vk")
try:
    Statements(client, Deadline(10), retry_seconds=0.6, backoff_initial=0.1).query("SELECT 1")
except UnavailableError:
    pass
"""


def test_retries_are_json_lines_that_name_the_loader_and_each_is_told_once():
    done = subprocess.run(
        [sys.executable, "-c", RETRIES], capture_output=True, text=True, check=True, timeout=60, env=ENV
    )
    assert done.stderr == ""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["loader"] == "ad_network" and line["event"] for line in lines)
    assert sum(line["event"] == "clickhouse_retry" for line in lines) >= 2
    assert {line["event"] for line in lines} == {"clickhouse_retry", "library"}
    assert "secret-of-vk" not in done.stdout


def test_what_a_library_warns_of_is_a_json_line():
    code = "from zakaz_common.run_log import configure_logs; import logging; configure_logs('info', 'x');" * 2
    code += "logging.getLogger('urllib3').warning('Retrying %s', 3); logging.getLogger('urllib3').info('quiet')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=ENV)
    (line,) = map(json.loads, done.stdout.splitlines())
    assert (line["event"], line["library"], line["message"]) == ("library", "urllib3", "Retrying 3")
    assert line["level"] == "warning"
    assert done.stderr == ""
