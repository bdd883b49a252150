"""`clickhouse local`, a script in an engine of its own, and `clickhouse client`, statements to a server over HTTP."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

from .engine import Connection, identifier, load_extension, quiet_stderr, setting_statement
from .errors import ServerError
from .statement import find_insert, tokens

Run = Callable[[bytes], int]


def main(program: str, arguments: list[str]) -> int:
    """Run statements until the first exception: results on stdout, the exception on stderr.

    Returns:
        0, or the exception's code modulo 256 (never 0), as the server's tools.
    """
    parser = argparse.ArgumentParser(f"clickhouse {program}", allow_abbrev=False)
    parser.add_argument("-q", "--query", action="append", default=[])
    parser.add_argument("--queries-file", action="append", default=[], type=Path)
    # older clients take the text with this option; a script may have many statements without it, too
    parser.add_argument("-n", "--multiquery", "--multiline", "-m", nargs="?", action="append", dest="query")
    parser.add_argument("-f", "--format", "--output-format", default="TabSeparated")
    parser.add_argument("--path", default="")
    parser.add_argument("-d", "--database", default="")
    parser.add_argument("-u", "--user", default=os.environ.get("CLICKHOUSE_USER", "default"))
    parser.add_argument("--password", nargs="?", const="", default=os.environ.get("CLICKHOUSE_PASSWORD", ""))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8123)
    options, rest = parser.parse_known_args(arguments)
    parameters: dict[str, str] = {}
    settings: dict[str, str] = {}
    while rest:  # --param_x is a query parameter, any other --name a setting
        name, has_value, value = rest.pop(0).partition("=")
        if not name.startswith("--"):
            parser.error(f"unexpected argument {name!r}")
        if not has_value:
            value = rest.pop(0) if rest and not rest[0].startswith("--") else "1"
        name = name[2:].replace("-", "_")
        (parameters if name.startswith("param_") else settings)[name] = value
    parts = [text.encode("utf-8", "surrogateescape") for text in options.query if text]
    parts += [path.read_bytes() for path in options.queries_file]
    interactive = program == "client" and not parts and sys.stdin.isatty()
    if interactive and options.format == "TabSeparated":
        options.format = "PrettyCompact"
    with _local(options, parameters) if program == "local" else _client(options, parameters | settings) as run:
        if interactive:
            return _prompt(run)
        statements = split_statements(b";\n".join(parts) if parts else sys.stdin.buffer.read())
        if program == "local":  # a server takes both from the URL
            first = [setting_statement(settings)] if settings else []
            first += [f"USE {identifier(options.database)}".encode()] if options.database else []
            statements = itertools.chain(first, statements)
        return next(filter(None, map(run, statements)), 0)


def split_statements(script: bytes) -> Iterator[bytes]:
    """Split at semicolons; the data of an INSERT … FORMAT reaches to a blank line, as in the server's client."""
    while script.strip():
        head = find_insert(script)
        if head and head.data_format != b"Values":
            end = script.find(b"\n\n", head.data) % (len(script) + 1)  # not found: to the end
        else:
            end = next((start for start, _, word in tokens(script) if word == b";"), len(script))
        if any(tokens(script[:end])):
            yield script[:end]
        script = script[end + 1 :]


@contextlib.contextmanager
def _local(options: argparse.Namespace, parameters: dict[str, str]) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="clickhouse-local-") as scratch:
        with quiet_stderr():
            connection = Connection(load_extension().connect(f"{options.path or scratch}?log-level=none"))
        parameters = {name.removeprefix("param_"): value for name, value in parameters.items()}

        def run(statement: bytes) -> int:
            try:
                sys.stdout.buffer.write(connection.query(statement, options.format, parameters).body)
                sys.stdout.buffer.flush()
            except ServerError as error:
                print(f"Code: {error.code}. DB::Exception: {error.text} ({error.name})", file=sys.stderr)
                return error.code % 256 or 1
            return 0

        yield run
        connection.close()


@contextlib.contextmanager
def _client(options: argparse.Namespace, url: dict[str, str]) -> Iterator[Run]:
    # 9000 is the native protocol's port, which a script made for the server may name
    connection = http.client.HTTPConnection(options.host, 8123 if options.port == 9000 else options.port)
    credentials = {"X-ClickHouse-User": options.user, "X-ClickHouse-Key": options.password}
    # a session, so that SET, USE and temporary tables last
    url |= {"default_format": options.format, "database": options.database, "session_id": str(uuid.uuid4())}

    def run(statement: bytes) -> int:
        try:
            connection.request("POST", f"/?{urlencode(url)}", statement, credentials)
            response = connection.getresponse()
            out = sys.stdout if response.status == 200 else sys.stderr
            while piece := response.read1(1 << 16):
                out.buffer.write(piece)
            out.flush()
            response.read()  # lets the connection serve the next statement
        except (OSError, http.client.HTTPException) as error:
            text = f"{getattr(error, 'strerror', None) or error!r} ({connection.host}:{connection.port})"
            print(f"Code: 210. DB::NetException: {text}. (NETWORK_ERROR)", file=sys.stderr)
            return 210
        return int(response.getheader("X-ClickHouse-Exception-Code", "0")) % 256 or int(response.status != 200)

    yield run


def _prompt(run: Run) -> int:
    import readline  # noqa: F401  line editing and history for input()

    text = ""
    while True:
        try:
            line = input(":-] " if text else ":) ")
        except EOFError:
            return 0
        except KeyboardInterrupt:
            text = ""
            print()
            continue
        if not text and line.strip().rstrip(";").lower() in ("exit", "quit", "q", ":q"):
            return 0
        text += line + "\n"
        if text.rstrip().endswith(";") or not line.strip():
            any(map(run, split_statements(text.encode())))
            text = ""
