"""`clickhouse server | local | client`, as the server's own binary is called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

_PROGRAMS = ("server", "local", "client")


def main() -> int:
    """Run the program named by the first argument, or by the name this was called by."""
    called = Path(sys.argv[0]).name.removeprefix("clickhouse-")
    arguments = sys.argv[1:]
    if called in _PROGRAMS:
        program = called
    elif arguments and arguments[0].removeprefix("--") in _PROGRAMS:
        program = arguments.pop(0).removeprefix("--")
    else:
        print(
            "Usage: clickhouse server | local | client [options]. This is the embedded ClickHouse.",
            file=sys.stderr,
        )
        return 2
    # imported when needed: the client must not load the engine
    return importlib.import_module(f"clickhouse_embedded.{program}").main(arguments)


if __name__ == "__main__":
    sys.exit(main())
