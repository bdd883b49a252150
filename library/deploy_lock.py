#!/usr/bin/python
"""A lock on the host that is deployed to: one operator at a time, and the others are told who and since when."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_lock
short_description: Take or release the lock of a deployment
description:
  - One file on the target says who works on the deployment, with which playbook, and since when.
  - The action plugin of the same name adds what only the controller knows (who, which process, which commit) and
    decides about locks that were left behind; use it through the role C(deploy_lock).
  - A lock says nothing about the deployment itself, so taking and releasing it is no change.
options:
  path:
    description: The lock's file. Below C(/run/lock) it goes with a reboot, as the runs it speaks of do.
    type: path
    required: true
  state:
    description: C(seen) only looks; C(taken) takes it unless another holder has it; C(released) gives up one's own.
    choices: [seen, taken, released]
    required: true
    type: str
  holder:
    description: Who asks. Two holders are the same when their C(process) is.
    type: dict
    default: {}
  replaces:
    description: Holder whose lock may be taken over; another's is left alone.
    type: dict
    default: {}
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Take the lock
  deploy_lock:
    path: /run/lock/zakaz-deploy.lock
    state: taken
"""

RETURN = r"""
holder:
  description: Who holds the lock now; empty when nobody does.
  type: dict
  returned: always
age_seconds:
  description: How long, by the clock of the target.
  type: float
  returned: always
"""

import fcntl
import json
import os
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def open_locked(path: str, make: bool) -> int | None:
    """Open the lock's file and lock it against other runs of this module.

    :param path: the file
    :param make: make it when it is missing
    :returns: a descriptor, read-only for a user who may not write; None when there is no file
    :raises OSError: it can be neither read nor made
    """
    while True:
        try:
            # never O_CREAT on a file that exists: in a sticky folder the kernel refuses that for another user's
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            if not make:
                return None
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            except FileExistsError:
                continue
        except PermissionError:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(descriptor), Path(path).stat()):
                return descriptor
        except FileNotFoundError:
            pass
        # released while we waited: the file behind this descriptor is nobody's any more
        os.close(descriptor)


def read(descriptor: int) -> dict:
    """Return what the lock says: its holder with C(since) (seconds since 1970); empty for a new file."""
    content = os.pread(descriptor, 65536, 0)
    if not content:
        return {}
    try:
        held = json.loads(content)
        return {**held, "since": float(held["since"])}
    except (ValueError, KeyError, TypeError):
        # not ours, or a disk that was full: still somebody's
        return {"operator": "unknown", "since": os.fstat(descriptor).st_mtime}


def change(path: str, state: str, holder: dict, replaces: dict) -> dict:
    """Look at the lock, take it or release it.

    :param holder: who asks
    :param replaces: holder whose lock may be taken over
    :returns: who holds it afterwards; empty when nobody does
    :raises OSError: the file can be neither read nor written
    """
    descriptor = open_locked(path, make=state == "taken")
    if descriptor is None:
        return {}
    try:
        held = read(descriptor)
        ours = bool(held) and held.get("process") == holder.get("process")
        if state == "taken" and (not held or held == replaces):
            held = {**holder, "since": time.time()}
            content = json.dumps(held).encode()
            os.pwrite(descriptor, content, 0)
            os.ftruncate(descriptor, len(content))
        elif state == "released" and ours:
            Path(path).unlink()
            held = {}
        return held
    finally:
        os.close(descriptor)


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "required": True, "choices": ["seen", "taken", "released"]},
            "holder": {"type": "dict", "default": {}},
            "replaces": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    want = module.params
    state = "seen" if module.check_mode else want["state"]
    try:
        held = change(want["path"], state, want["holder"], want["replaces"])
    except OSError as error:
        module.fail_json(
            msg=f"The lock of the deployment, {want['path']}, cannot be used: {error.strerror}."
            " Remove that file as its owner, or set deploy_lock_path to a file in a folder every operator may write to."
        )
    module.exit_json(changed=False, holder=held, age_seconds=max(0.0, time.time() - held["since"]) if held else 0.0)


if __name__ == "__main__":
    main()
