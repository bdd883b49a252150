#!/usr/bin/python
"""Look at a host: Docker with its containers, disks, memory, and how the deployment's units ended."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_state
short_description: Look at a host of the deployment
description:
  - Asks Docker, systemd and the kernel, and returns what they say. Nothing that does not answer is a failure.
  - The watch looks with the same code, see C(module_utils/zakaz_host).
options:
  deployment:
    description: Name of the deployment; its containers carry it in the label C(zakaz.deployment).
    type: str
    required: true
  docker_host:
    description: Where the Docker Engine listens, as in C(DOCKER_HOST).
    type: str
    required: true
  folders:
    description: Folders whose disks are measured, each disk once, besides that of Docker's data.
    type: list
    elements: str
    default: []
  services:
    description: Name of a unit, without suffix, by what it is called.
    type: dict
    default: {}
  timers:
    description: Names of timers, without suffix.
    type: list
    elements: str
    default: []
  containers:
    description: Names of containers that must run.
    type: list
    elements: str
    default: []
  files:
    description: Files that must be there.
    type: list
    elements: str
    default: []
  notes:
    description: File in which a command notes how its last run ended, by what the service is called.
    type: dict
    default: {}
attributes:
  check_mode: {support: full}
  diff_mode: {support: none}
  idempotent: {support: full}
author: Zakaz Dashboard contributors
"""

EXAMPLES = r"""
- name: Look at the host
  host_state:
    deployment: zakaz
    docker_host: unix:///var/run/docker.sock
    folders: [/opt/zakaz]
"""

RETURN = r"""
host:
  description: What was seen, see C(module_utils/zakaz_host/look.py).
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.zakaz_host.look import look


def main() -> None:
    """Entry point for Ansible."""
    module = AnsibleModule(
        argument_spec={
            "deployment": {"type": "str", "required": True},
            "docker_host": {"type": "str", "required": True},
            "folders": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "dict", "default": {}},
            "timers": {"type": "list", "elements": "str", "default": []},
            "containers": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "str", "default": []},
            "notes": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, host=look(**module.params))


if __name__ == "__main__":
    main()
