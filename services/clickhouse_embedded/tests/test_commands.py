"""`clickhouse local` and `clickhouse client`."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from running_server import PASSWORD

SOURCE = str(Path(__file__).resolve().parents[1] / "src")


def run(*arguments: str, script: str = "", **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "clickhouse_embedded", *arguments],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": SOURCE} | environment,
        check=False,
    )


def test_local_runs_a_script_from_stdin():
    script = """-- a script; with a semicolon in a comment
    CREATE DATABASE zakaz; CREATE TABLE zakaz.t (a UInt8, s String DEFAULT ';') ENGINE = ReplacingMergeTree ORDER BY a;
    INSERT INTO zakaz.t (a) VALUES (1), (2);
    CREATE VIEW zakaz.v AS SELECT a FROM zakaz.t FINAL;
    SELECT name FROM system.tables WHERE database = 'zakaz' ORDER BY name FORMAT JSONEachRow;
    SELECT count() FROM zakaz.v"""
    done = run("local", "--multiquery", script=script)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '{"name":"t"}\n{"name":"v"}\n2\n'


def test_local_options():
    assert run("local", "-q", "SELECT 1 AS a", "--format", "JSONEachRow").stdout == '{"a":1}\n'
    assert run("local", "--query", "SELECT {x:UInt8}", "--param_x=7", "--output-format", "CSV").stdout == "7\n"
    assert run("local", "-q", "SELECT getSetting('max_threads')", "--max_threads", "1").stdout == "1\n"
    assert run("local", "--multiquery", "SELECT 1; SELECT 2").stdout == "1\n2\n"


def test_local_keeps_a_path(tmp_path):
    run(
        "local",
        "--path",
        str(tmp_path),
        "-q",
        "CREATE DATABASE d; CREATE TABLE d.t ENGINE = MergeTree ORDER BY a AS SELECT 1 AS a",
    )
    assert run("local", "--path", str(tmp_path), "-q", "SELECT a FROM d.t").stdout == "1\n"


def test_local_exceptions_go_to_stderr():
    done = run("local", "--multiquery", script="SELECT 1;\nSELECT nope;\nSELECT 2")
    assert done.returncode == 47
    assert done.stderr.startswith("Code: 47. DB::Exception: ")
    assert "UNKNOWN_IDENTIFIER" in done.stderr
    assert done.stdout == "1\n", "the result of the statement before it is there, of the one behind it is not"
    assert run("local", "--nonsense=1", "-q", "SELECT 1").returncode == 115


def test_client(server):
    options = ("client", "--port", str(server.port), "--user", "admin", "--password", PASSWORD)
    assert run(*options, "-q", "SELECT 1 AS a", "--format", "JSONEachRow").stdout == '{"a":1}\n'
    done = run(
        *options,
        "--multiquery",
        script="CREATE TEMPORARY TABLE t (a UInt8);\nINSERT INTO t VALUES (3);\nSELECT a FROM t;",
    )
    assert (done.returncode, done.stdout) == (0, "3\n"), done.stderr
    failed = run(*options, "-n", "-q", "SELECT 1; SELECT nope; SELECT 2")
    assert (failed.returncode, failed.stdout) == (47, "1\n")
    assert "UNKNOWN_IDENTIFIER" in failed.stderr
    environment = {"CLICKHOUSE_USER": "bi", "CLICKHOUSE_PASSWORD": PASSWORD}
    assert run("client", "--port", str(server.port), "-q", "SHOW DATABASES", **environment).stdout == "bi\n"
    assert run("client", "--port", str(server.port), "-q", "SELECT 1").returncode == 516 % 256


def test_client_without_a_server():
    done = run("client", "--port", "1", "-q", "SELECT 1")
    assert done.returncode == 210
    assert "127.0.0.1:1" in done.stderr


def test_the_prompt(server):
    arguments = [sys.executable, "-m", "clickhouse_embedded", "client", "--port", str(server.port), "--user", "admin"]
    shell, terminal = pty.openpty()
    process = subprocess.Popen(
        [*arguments, "--password", PASSWORD], stdin=terminal, stdout=terminal, stderr=terminal,
        env=os.environ | {"PYTHONPATH": SOURCE, "TERM": "dumb"},
    )  # fmt: skip
    os.close(terminal)
    os.write(shell, b"SELECT 'first' AS a,\n'second' AS b;\nexit\n")
    assert process.wait(30) == 0
    shown = os.read(shell, 65536).decode()
    assert "first" in shown
    assert "second" in shown
    os.close(shell)


def test_an_unknown_program():
    done = run("keeper")
    assert done.returncode == 2
    assert "server | local | client" in done.stderr
