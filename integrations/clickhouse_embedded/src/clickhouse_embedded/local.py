"""`clickhouse local`: run a script in an engine of its own, in memory unless told otherwise."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from .engine import identifier, load_extension, quiet_stderr, quote
from .errors import ServerError


def arguments_of(program: str, arguments: list[str]) -> tuple[argparse.Namespace, dict[str, str], dict[str, str]]:
    """Options that `local` and `client` share, query parameters (--param_x) and settings (any other --name=value)."""
    parser = argparse.ArgumentParser(program, add_help=True, allow_abbrev=False)
    parser.add_argument("-q", "--query", action="append", default=[])
    parser.add_argument("--queries-file", action="append", default=[])
    parser.add_argument("-n", "--multiquery", "--multiline", "-m", nargs="?", const="", default=None)
    parser.add_argument("-f", "--format", "--output-format", default="TabSeparated")
    parser.add_argument("--path", default="")
    parser.add_argument("-d", "--database", default="")
    parser.add_argument("-u", "--user", default=os.environ.get("CLICKHOUSE_USER", "default"))
    parser.add_argument("--password", nargs="?", const="", default=os.environ.get("CLICKHOUSE_PASSWORD", ""))
    options, rest = parser.parse_known_args(arguments)
    if options.multiquery:  # `--multiquery "SELECT 1"`: older clients take the text with the option
        options.query.append(options.multiquery)
    parameters, settings = {}, {}
    while rest:
        name, has_value, value = rest.pop(0).partition("=")
        if not name.startswith("--"):
            parser.error(f"unexpected argument {name!r}")
        if not has_value:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "1"
        name = name[2:].replace("-", "_")
        (parameters if name.startswith("param_") else settings)[name.removeprefix("param_")] = value
    return options, parameters, settings


def script_of(options: argparse.Namespace) -> bytes:
    """The statements to run: from the options, from files, else from stdin."""
    parts = [q.encode("utf-8", "surrogateescape") for q in options.query]
    parts += [Path(name).read_bytes() for name in options.queries_file]
    return b";\n".join(parts) if parts else sys.stdin.buffer.read()


def main(arguments: list[str]) -> int:
    """Run the script; output on stdout, an exception on stderr.

    Returns:
        0, or the exception's code modulo 256 (never 0), as the server's tool.
    """
    options, parameters, settings = arguments_of("clickhouse local", arguments)
    script = script_of(options)
    if not script.strip():
        return 0
    module = load_extension()
    with tempfile.TemporaryDirectory(prefix="clickhouse-local-") as scratch:
        with quiet_stderr():
            connection = module.connect(f"{options.path or scratch}?log-level=none")
        try:
            if settings:
                assignments = ", ".join(f"{identifier(n)} = {quote(v)}" for n, v in settings.items())
                connection.query(f"SET {assignments}")
            if options.database:
                connection.query(f"USE {identifier(options.database)}")
            result = connection.query(script, options.format, params=parameters)
            sys.stdout.buffer.write(result.bytes())
            sys.stdout.buffer.flush()
            return 0
        except RuntimeError as error:
            exception = ServerError.from_engine(str(error))
            print(f"Code: {exception.code}. DB::Exception: {exception.text} ({exception.name})", file=sys.stderr)
            return exception.code % 256 or 1
        finally:
            connection.close()
