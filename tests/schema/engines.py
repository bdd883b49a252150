"""Engines of several versions for the tests: each a worker process with its own data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zakaz_clickhouse.connection import rows
from zakaz_clickhouse.failures import engine_failure

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINES = Path(os.environ.get("ZAKAZ_ENGINES", REPOSITORY / ".cache" / "engines"))
VERSIONS = ("24.8", "26.3", "26.9")


def python_of(version: str) -> Path:
    """The interpreter that holds an engine version."""
    return ENGINES / version / "bin" / "python"


class Engine:
    """A live engine, and a throw-away one beside it, of one version.

    It is a :class:`zakaz_clickhouse.connection.Connection`; :meth:`replay` is a scratch engine.
    """

    def __init__(self, version: str) -> None:
        self.version = version
        self._directory = tempfile.mkdtemp(prefix="zakaz-engine-")
        self._live = self._start()
        self._scratch: subprocess.Popen[str] | None = None

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(python_of(self.version)), "-W", "ignore", str(Path(__file__).with_name("engine_worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TMPDIR": self._directory, "MALLOC_CONF": ""},
        )

    def _ask(self, process: subprocess.Popen[str], request: dict[str, Any]) -> dict[str, Any]:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"engine {self.version} died at {request}")
        return json.loads(line)

    def execute(self, sql: str, settings: Mapping[str, Any] | None = None) -> str:
        answer = self._ask(self._live, {"sql": sql, "settings": dict(settings or {})})
        if "error" in answer:
            raise engine_failure(answer["error"])
        return answer["text"]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return rows(self, sql)

    def value(self, sql: str) -> Any:
        return next(iter(self.rows(sql)[0].values()))

    def replay(self, script: str) -> tuple[int, str, str]:
        if self._scratch is None:
            self._scratch = self._start()
        answer = self._ask(self._scratch, {"script": script})
        return (1 if "error" in answer else 0), answer.get("text", ""), answer.get("error", "")

    def reset(self) -> None:
        """Drop everything."""
        self._ask(self._live, {"reset": True})

    def close(self) -> None:
        for process in (self._live, self._scratch):
            if process is not None:
                process.kill()
                process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)
