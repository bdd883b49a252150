"""`clickhouse client`: statements to a server over HTTP, from the command line or an interactive prompt."""

from __future__ import annotations

import http.client
import sys
import urllib.parse
import uuid

from .local import arguments_of, script_of
from .statement import find_insert, tokens

_PROMPT, _MORE = ":) ", ":-] "


def split_statements(script: bytes) -> list[bytes]:
    """Split at semicolons; the data of an INSERT … FORMAT reaches to a blank line, as in the server's client."""
    statements = []
    while script.strip():
        head = find_insert(script)
        if head and head.data_format != b"Values":
            end = script.find(b"\n\n", head.data)
            end = len(script) if end < 0 else end
            cut = end
        else:
            end = next((start for start, _, word in tokens(script) if word == b";"), len(script))
            cut = end + 1
        if any(tokens(script[:end])):
            statements.append(script[:end].strip() if cut != end else script[:end])
        script = script[cut:]
    return statements


class HttpClient:
    """A connection with one session, so that SET, USE and temporary tables last."""

    def __init__(self, host: str, port: int, user: str, password: str, parameters: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection(host, port)
        self._headers = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password} if user or password else {}
        self._url = "/?" + urllib.parse.urlencode(parameters)

    def run(self, statement: bytes) -> bool:
        """Run one statement; its result goes to stdout, an exception to stderr. True for success."""
        self._connection.request("POST", self._url, statement, self._headers)
        response = self._connection.getresponse()
        out = sys.stdout.buffer if response.status == 200 else sys.stderr.buffer
        try:
            while piece := response.read1(1 << 16):
                out.write(piece)
            response.read()  # lets the connection serve the next statement
        except http.client.HTTPException as error:
            print(f"The result was cut off: {type(error).__name__}.", file=sys.stderr)
            return False
        finally:
            out.flush()
        return response.status == 200


def main(arguments: list[str]) -> int:
    """Run statements until the first exception.

    Returns:
        0, or 1 after an exception, or 210 when there is no server.
    """
    options, parameters, settings = arguments_of("clickhouse client", arguments)
    host, port = settings.pop("host", "127.0.0.1"), int(settings.pop("port", "8123"))
    interactive = not options.query and not options.queries_file and sys.stdin.isatty()
    url = {f"param_{k}": v for k, v in parameters.items()} | settings
    url["default_format"] = "PrettyCompact" if interactive and options.format == "TabSeparated" else options.format
    url["session_id"] = str(uuid.uuid4())
    if options.database:
        url["database"] = options.database
    # 9000 is the native protocol's port, which a script made for the server may name
    client = HttpClient(host, 8123 if port == 9000 else port, options.user, options.password, url)
    try:
        if not interactive:
            return 0 if all(client.run(statement) for statement in split_statements(script_of(options))) else 1
        _prompt(client)
    except OSError as error:
        print(
            f"Code: 210. DB::NetException: {error.strerror or error} ({host}:{port}). (NETWORK_ERROR)",
            file=sys.stderr,
        )
        return 210
    return 0


def _prompt(client: HttpClient) -> None:
    import readline  # noqa: F401  line editing and history for input()

    text = ""
    while True:
        try:
            line = input(_MORE if text else _PROMPT)
        except EOFError:
            return
        except KeyboardInterrupt:
            text = ""
            print()
            continue
        if not text and line.strip().rstrip(";").lower() in ("exit", "quit", "q", ":q"):
            return
        text += line + "\n"
        if text.rstrip().endswith(";") or not line.strip():
            for statement in split_statements(text.encode()):
                client.run(statement)
            text = ""
