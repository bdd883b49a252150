"""One ClickHouse engine in a process of its own, driven by JSON lines on standard input.

Run with the Python of .cache/engines/<version>. Requests: {"sql", "settings"}, {"script"}, {"reset"}.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "module_utils"))

from zakaz_schema.sql_tokens import tokens

# The engine prints to the process's own output, and an INSERT … VALUES goes on reading rows from its
# input: the protocol keeps private copies of both.
requests = os.fdopen(os.dup(0), encoding="utf-8")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(os.open(os.devnull, os.O_RDWR), 0)
os.dup2(2, 1)

from chdb import session  # noqa: E402

engine = session.Session(tempfile.mkdtemp(prefix="engine-", dir=os.environ.get("TMPDIR")))
BUILT_IN = ("system", "default", "information_schema", "INFORMATION_SCHEMA")


def execute(sql: str) -> str:
    answer = engine.query(sql)
    return answer.bytes().decode("utf-8") if hasattr(answer, "bytes") else str(answer)


def reset() -> None:
    for name in execute("SELECT name FROM system.databases FORMAT TSVRaw").split():
        if name not in BUILT_IN:
            execute(f"DROP DATABASE `{name}`")


def run(request: dict) -> dict:
    if request.get("reset"):
        reset()
        return {"text": ""}
    if "script" in request:
        output, start, text = [], 0, request["script"]
        try:
            for token in tokens(text):
                if token.kind == "operator" and token.text == ";":
                    output.append(execute(text[start : token.start]))
                    start = token.end
        except Exception as error:
            return {"text": "".join(output), "error": str(error)}
        finally:
            reset()
        return {"text": "".join(output)}
    settings = request.get("settings") or {}
    for key, value in settings.items():
        execute(f"SET {key} = {value!r}" if not key.startswith("param_") else f"SET {key} = '{value}'")
    try:
        return {"text": execute(request["sql"])}
    finally:
        for key in settings:
            if not key.startswith("param_"):
                execute(f"SET {key} = DEFAULT")


for line in requests:
    try:
        found = run(json.loads(line))
    except Exception as error:
        found = {"error": str(error)}
    answers.write(json.dumps(found) + "\n")
    answers.flush()
