"""Programs of the host that move a backup's bytes: Docker, age, rclone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from .failures import BackupFailure, UnavailableFailure

_TAIL = 500


class ProgramFailure(BackupFailure):
    """A program ended with an exit code other than 0; ``words`` is the end of what it said."""

    def __init__(self, program: str, words: str) -> None:
        super().__init__(f"{program} failed: {words}")
        self.words = words


def run(command: Sequence[str], *, stdin: IO[bytes] | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed.

    :raises ProgramFailure: it failed.
    :raises UnavailableFailure: it is not installed.
    """
    try:
        done = subprocess.run(
            list(command), stdin=stdin or subprocess.DEVNULL, capture_output=True, env=env and dict(env), check=False
        )
    except FileNotFoundError as error:
        raise UnavailableFailure(f"{command[0]} is not installed on this host; run make deploy.") from error
    if done.returncode:
        raise ProgramFailure(command[0], _words(done.stderr or done.stdout))
    return done.stdout.decode("utf-8", "replace")


@contextmanager
def output_of(command: Sequence[str], *, stdin: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Yield the output of a program while it runs, and look at its exit code afterwards.

    :raises ProgramFailure: it failed.
    """
    try:
        process = subprocess.Popen(
            list(command), stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise UnavailableFailure(f"{command[0]} is not installed on this host; run make deploy.") from error
    assert process.stdout is not None
    assert process.stderr is not None
    reader_failed = True
    try:
        yield process.stdout
        reader_failed = False
    finally:
        # a reader that stopped early must not leave the program waiting for ever
        process.stdout.close()
        words = process.stderr.read()
        process.stderr.close()
        code = process.wait()
        if code and (words or not reader_failed):
            raise ProgramFailure(command[0], _words(words))


def _words(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())[-_TAIL:] or "it said nothing"
