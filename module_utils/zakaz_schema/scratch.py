"""The declared schema replayed in a throw-away engine, and the catalogue it ends with.

Only the engine normalises ClickHouse DDL, so the wanted catalogue is read from an engine of the
live server's own version and never guessed from the text.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .catalogue import Catalogue, catalogue_query, from_lines
from .client import engine_failure
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
    _refuse_what_cannot_be_declared(statements)
    script = _script(statements)
    code, output, errors = run(script.text)
    lines = [line for line in output.splitlines() if line.startswith('{"c_kind"')]
    if code == 0 and lines:
        return from_lines(lines)
    words = engine_failure(errors.strip()[-4000:] or output.strip()[-4000:] or f"exit code {code}").text
    if "DB::Exception" not in words:
        raise SchemaFailure(
            f"the throw-away engine failed: {words}", mend="Run clickhouse_schema_scratch_command by hand."
        )
    at = _refused(statements, run)
    failed = statements[at]
    raise SchemaFailure(
        f"the engine refuses the statement: {words}",
        file=failed.file,
        line=failed.line + _lines_before(words, failed, script.starts[at]),
        name=failed.name,
    )


def _refuse_what_cannot_be_declared(statements: Sequence[Statement]) -> None:
    seen: dict[str, Statement] = {}
    for statement in statements:
        if statement.kind not in CREATE_KINDS and not (statement.kind == "insert" and statement.select()):
            raise SchemaFailure(
                f"is a statement the schema cannot hold: {statement.sql.split(chr(10))[0][:60]}.",
                file=statement.file,
                line=statement.line,
                mend="Declare objects with CREATE and rows with INSERT … SELECT; changes are found by comparison.",
            )
        if statement.kind != "database" and "." not in statement.name:
            raise SchemaFailure(
                "is not qualified with its database.",
                file=statement.file,
                line=statement.line,
                name=statement.name,
            )
        if statement.kind in CREATE_KINDS and statement.name in seen:
            first = seen[statement.name]
            raise SchemaFailure(
                f"is declared a second time; first in {first.file}:{first.line}.",
                file=statement.file,
                line=statement.line,
                name=statement.name,
            )
        if statement.kind in CREATE_KINDS:
            seen[statement.name] = statement


_MARK = "statement "


@dataclass(frozen=True)
class _Script:
    text: str
    starts: tuple[int, ...]


def _script(statements: Sequence[Statement], marks: bool = False) -> _Script:
    """All statements and then the catalogue; and the byte each statement begins at.

    :param marks: print the number of each statement before it.
    """
    text, starts = "", []
    for number, statement in enumerate(statements):
        if marks:
            text += f"SELECT '{_MARK}{number}' FORMAT TSVRaw;\n"
        starts.append(len(text.encode()))
        text += f"{statement.for_scratch()}\n;\n"
    return _Script(f"{text}{catalogue_query(databases(list(statements)))}\nFORMAT JSONEachRow;\n", tuple(starts))


def _refused(statements: Sequence[Statement], run: Replay) -> int:
    """Which statement fails: the last mark printed; by halving where an engine prints nothing when one fails."""
    _, output, _ = run(_script(statements, marks=True).text)
    marks = [int(line.removeprefix(_MARK)) for line in output.splitlines() if line.startswith(_MARK)]
    if marks:
        return marks[-1]
    good, bad = 0, len(statements)
    while bad - good > 1:
        middle = (good + bad) // 2
        code, _, _ = run(_script(statements[:middle]).text)
        good, bad = (middle, bad) if code == 0 else (good, middle)
    return bad - 1


def _lines_before(words: str, statement: Statement, start: int) -> int:
    """Lines between the statement's first line and the place a syntax error names.

    The position counts bytes from 1, of the statement with some clients and of the whole script with others.
    """
    place = re.search(r"failed at position (\d+) \('?(.*?)'?\)", words, re.DOTALL)
    if not place:
        return 0
    sql = statement.for_scratch().encode()
    for position in (int(place[1]) - 1, int(place[1]) - 1 - start):
        if 0 <= position <= len(sql) and sql[position:].startswith(place[2][:1].encode()):
            return min(sql[:position].count(b"\n"), statement.sql.count("\n"))
    return 0
