"""`clickhouse server | local | client`, as the server's own binary is called."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the program named by the first argument."""
    program = sys.argv[1].removeprefix("--") if sys.argv[1:] else ""
    # imported when needed: each program loads only what it runs on
    if program == "server":
        from .server import main as serve

        return serve(sys.argv[2:])
    if program in ("local", "client"):
        from .commands import main as run

        return run(program, sys.argv[2:])
    print("Usage: clickhouse server | local | client [options]. This is the embedded ClickHouse.", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
