"""Files that are replaced whole: a reader, or whoever comes after a power cut, finds the old content or the new one.

Importable on a target as ``ansible.module_utils.whole_file``; programs without Ansible take it along by the same name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import Any


def write_whole(path: Path, content: bytes, mode: int, module: Any = None) -> None:
    """Make a file hold the content, in one step and down to the disk.

    Nobody may read a draft who may not read the file, and none is left behind by a failure: it may hold a secret.

    :param path: the file; its folder must exist.
    :param mode: its permissions.
    :param module: the AnsibleModule that writes, if one does: its way of moving knows SELinux and odd file systems.
    :raises OSError: it cannot be written; the file is what it was, and its name is in ``filename``.
    """
    try:
        _write(path, content, mode, module)
    except OSError as error:
        # a disk that is full names none, a folder that is missing the draft
        error.filename = str(path)
        raise


def _write(path: Path, content: bytes, mode: int, module: Any) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".draft")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if module is None:
            Path(draft).replace(path)
        else:
            _move(module, draft, path, mode)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder down to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(module: Any, draft: str, path: Path, mode: int) -> None:
    # a new file gets from Ansible what the umask leaves of 0666: not more than its mode for a moment either
    umask = os.umask(0o777 & ~mode)
    try:
        module.atomic_move(draft, str(path), keep_dest_attrs=False)
    except OSError:
        raise
    except Exception as error:
        raise OSError(errno.EIO, str(error)) from error
    finally:
        os.umask(umask)
    path.chmod(mode)
