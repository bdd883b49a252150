"""Whether a Python environment of ours is whole: what it was when it was made, and an interpreter that finds it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

# written last, with the digest of everything else
MARKER = "complete"
# made by the interpreter itself, whenever it likes
_OWN = "__pycache__"
# how long an interpreter may take to start on a busy host, in seconds
_PATIENCE = 60


def digest(folder: Path) -> str:
    """Return a digest of an environment: of its libraries' files, by content, and of what tells where its Python is.

    :raises OSError: a file cannot be read
    """
    found = hashlib.sha256((folder / "pyvenv.cfg").read_bytes())
    for path, folders, files in os.walk(folder / "lib"):
        folders[:] = sorted(name for name in folders if name != _OWN)
        for name in sorted(files):
            file = Path(path, name)
            found.update(f"{file.relative_to(folder)}\0".encode("utf-8", "surrogateescape"))
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def damage(folder: Path) -> str:
    """Say what is wrong with an environment; empty when it is whole.

    An interpreter of another version, as after an upgrade of the system, looks for its libraries elsewhere.
    """
    try:
        if (folder / MARKER).read_text(encoding="ascii", errors="replace").strip() != digest(folder):
            return "files of it were changed or deleted"
        asked = [str(folder / "bin" / "python"), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"its interpreter does not answer within {_PATIENCE} s"
    if done.returncode:
        return f"its interpreter fails with exit code {done.returncode}"
    libraries = Path(done.stdout.strip())
    if not libraries.is_dir() or not libraries.resolve().is_relative_to(folder.resolve()):
        return f"its interpreter looks for its libraries in {libraries}, and they are not there"
    return ""
