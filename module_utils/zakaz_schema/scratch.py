"""The declared schema replayed in a throw-away engine, and the catalogue it ends with.

Only the engine normalises ClickHouse DDL, so the wanted catalogue is read from an engine of the
live server's own version and never guessed from the text.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence

from .catalogue import Catalogue, catalogue_query, from_lines
from .connection import engine_failure
from .failures import SchemaFailure
from .statements import CREATE_KINDS, Statement, databases

Replay = Callable[[str], tuple[int, str, str]]
"""Runs a script of statements in an empty engine: (exit code, output, error output)."""


def replay_with(command: Sequence[str], timeout: float = 300) -> Replay:
    """Replay through a command that takes the script on standard input.

    :param command: for instance ``docker run --rm -i IMAGE clickhouse local --multiquery``.
    :param timeout: seconds.
    """

    def run(script: str) -> tuple[int, str, str]:
        try:
            done = subprocess.run(
                list(command), input=script.encode(), capture_output=True, timeout=timeout, check=False
            )
        except FileNotFoundError as error:
            raise SchemaFailure(
                f"the throw-away engine cannot be started: {error.filename} is not found.",
                mend="Mend clickhouse_schema_scratch_command.",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise SchemaFailure(
                f"the throw-away engine did not finish within {timeout:g} seconds.",
                mend="Look whether the host is overloaded, then run again.",
            ) from error
        return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")

    return run


def replay(statements: Sequence[Statement], run: Replay) -> Catalogue:
    """Apply the statements to an empty engine and read its catalogue.

    :raises SchemaFailure: a statement of an unknown kind, or one the engine refuses: with its file and line.
    """
    for statement in statements:
        if statement.kind not in CREATE_KINDS and not (statement.kind == "insert" and statement.select()):
            raise SchemaFailure(
                f"is a statement the schema cannot hold: {statement.sql.split(chr(10))[0][:60]}.",
                file=statement.file,
                line=statement.line,
                mend="Declare objects with CREATE and rows with INSERT … SELECT; changes are found by comparison.",
            )
        if statement.kind not in ("database",) and "." not in statement.name:
            raise SchemaFailure(
                "is not qualified with its database.",
                file=statement.file,
                line=statement.line,
                name=statement.name,
            )
    lines = []
    for number, statement in enumerate(statements):
        # a mark before each statement tells which one failed
        lines.append(f"SELECT 'mark' AS c_kind, '{number}' AS c_payload FORMAT JSONEachRow;")
        lines.append(statement.for_scratch() + "\n;")
    lines.append(f"SELECT 'mark' AS c_kind, '{len(statements)}' AS c_payload FORMAT JSONEachRow;")
    lines.append(f"{catalogue_query(databases(list(statements)))}\nFORMAT JSONEachRow;")
    code, output, errors = run("\n".join(lines) + "\n")
    answered = [line for line in output.splitlines() if line.startswith('{"c_kind"')]
    marks = [int(json.loads(line)["c_payload"]) for line in answered if '"mark"' in line[:20]]
    reached = marks[-1] if marks else -1
    if code != 0 or reached < len(statements):
        words = engine_failure(errors.strip()[-2000:] or output.strip()[-2000:] or f"exit code {code}").text
        if 0 <= reached < len(statements) and "DB::Exception" in words:
            failed = statements[reached]
            raise SchemaFailure(
                f"the engine refuses the statement: {words}",
                file=failed.file,
                line=failed.line + _line_within(words, failed),
                name=failed.name,
            )
        raise SchemaFailure(
            f"the throw-away engine failed: {words}", mend="Run clickhouse_schema_scratch_command by hand."
        )
    return from_lines(line for line in answered if '"mark"' not in line[:20])


def _line_within(words: str, statement: Statement) -> int:
    """Lines between the statement's first line and the place a syntax error names."""
    place = re.search(r"failed at position (\d+)", words)
    if not place:
        return 0
    # positions count bytes of the statement the engine was given
    before = statement.for_scratch().encode()[: int(place.group(1))]
    return min(before.count(b"\n"), statement.sql.count("\n"))
