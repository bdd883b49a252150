"""Pack the files an image is built from into one reproducible archive, named by its content."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

# Ansible gives these to modules only
sys.path.append(str(Path(__file__).resolve().parents[2] / "module_utils"))

from whole_file import write_whole

DOCUMENTATION = """
name: build_context
short_description: Make the build context of an image and the digest of all its inputs
description:
  - Packs the given files and folders, sorted and with owner, mode and time set to constants, into a tar archive on the
    controller. The same content always gives the same digest, so it serves as the image's tag.
  - Leaves out caches, compiled Python, tests and benches.
options:
  _terms:
    description: Files and folders relative to O(root).
    required: true
  root:
    description: Folder the paths are relative to.
    type: path
    required: true
  archives:
    description: Folder on the controller that receives the archive; made when missing.
    type: path
    required: true
  inputs:
    description: What else decides the image's content, such as build arguments and the base image.
    type: dict
    default: {}
"""

RETURN = """
_raw:
  description: One dictionary with V(digest) (12 hexadecimal digits) and V(archive) (path on the controller).
  type: list
  elements: dict
"""

LEFT_OUT = {"__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", "tests", "bench", "node_modules"}


def context_files(root: Path, paths: list[str]) -> list[Path]:
    """List the files of a build context, sorted.

    :param root: folder the paths are relative to
    :param paths: files and folders below it
    :raises FileNotFoundError: a path does not exist
    """
    files: set[Path] = set()
    for path in paths:
        start = root / path
        if not start.exists():
            raise FileNotFoundError(f"{start} is part of a build context but does not exist")
        for file in [start] if start.is_file() else start.rglob("*"):
            parts = file.relative_to(root).parts
            if file.is_file() and not LEFT_OUT.intersection(parts) and file.suffix != ".pyc":
                files.add(file)
    return sorted(files)


def pack(root: Path, files: list[Path]) -> bytes:
    """Return a tar archive of the files that depends on their names, contents and executable bits only."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            content = file.read_bytes()
            entry = tarfile.TarInfo(str(file.relative_to(root)))
            entry.size = len(content)
            entry.mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class LookupModule(LookupBase):
    """Entry point for Ansible."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=kwargs)
        root, archives = Path(self.get_option("root")), Path(self.get_option("archives"))
        try:
            content = pack(root, context_files(root, [str(term) for term in terms]))
            inputs = json.dumps(self.get_option("inputs"), sort_keys=True, default=str)
            digest = hashlib.sha256(content + inputs.encode()).hexdigest()[:12]
            archive = archives / f"{digest}.tar"
            if not archive.exists():
                archives.mkdir(parents=True, exist_ok=True, mode=0o700)
                # several hosts may pack the same context at once
                write_whole(archive, content, 0o600)
        except OSError as error:
            raise AnsibleLookupError(str(error)) from error
        return [{"digest": digest, "archive": str(archive)}]
