"""A Docker for tests of hold.sh: volumes are folders, a container is a process of this machine in a group of its own.

Its folder, in FAKE_DOCKER, has `volumes/NAME`, `images`, one a line, and by container its pid, log and words.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ["FAKE_DOCKER"])
STATE = "/var/lib/zakaz"


def process(name: str) -> int | None:
    try:
        pid = int((FOLDER / f"{name}.pid").read_text())
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None
    return None if state == "Z" else pid


def run(words: list[str]) -> int:
    """Start what it would run, with the volume's folder in place of the container's."""
    name = words[words.index("--name") + 1]
    if process(name):
        print(f"the name {name} is already in use", file=sys.stderr)
        return 125
    volume = next(words[i + 1] for i, word in enumerate(words) if word == "--volume").split(":")[0]
    note = next((words[i + 1] for i, word in enumerate(words) if word == "--env"), "X=")
    entry = words.index("--entrypoint")
    inner = [word.replace(STATE, str(FOLDER / "volumes" / volume)) for word in words[entry + 3 :]]
    (FOLDER / f"{name}.run").write_text("\n".join(words))
    with (FOLDER / f"{name}.log").open("w") as log:
        started = subprocess.Popen(
            [words[entry + 1], *inner], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | dict([note.split("=", 1)]),
        )  # fmt: skip
    (FOLDER / f"{name}.pid").write_text(str(started.pid))
    return 0


def answer(words: list[str]) -> int:
    match words:
        case ["version"]:
            return 0
        case ["volume", "inspect", volume]:
            return 0 if (FOLDER / "volumes" / volume).is_dir() else 1
        case ["image", "inspect", image]:
            return 0 if image in (FOLDER / "images").read_text().split() else 1
        case ["run", *_]:
            return run(words)
        case ["logs", name]:
            if process(name):
                print((FOLDER / f"{name}.log").read_text(), end="")
            return 0 if process(name) else 1
        case ["inspect", name]:
            return 0 if process(name) else 1
        case ["rm", "--force", name]:
            pid = process(name)
            if not pid:
                print(f"Error: No such container: {name}", file=sys.stderr)
                return 1
            os.killpg(pid, signal.SIGKILL)
            while process(name):
                pass
            print(name)
            return 0
    print(f"not known: {words}", file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1:]))
