"""Options of every module that speaks to ClickHouse; their specification is in zakaz_clickhouse.connection."""

from __future__ import annotations


class ModuleDocFragment:
    """What `extends_documentation_fragment: [clickhouse_connection]` adds."""

    DOCUMENTATION = r"""
options:
  host:
    description: Host where ClickHouse answers HTTP.
    type: str
    default: 127.0.0.1
  port:
    description: HTTP port.
    type: int
    default: 8123
  secure:
    description: Whether to speak HTTPS; the certificate is verified.
    type: bool
    default: false
  ca_bundle:
    description: File of certificate authorities for HTTPS; the system's when empty.
    type: path
  username:
    description: Name of the ClickHouse user.
    type: str
    default: default
  password:
    description: Its password.
    type: str
    default: ""
requirements:
  - urllib3 (comes with requests)
"""
