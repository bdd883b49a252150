"""Addresses that ports are published on: each use wants them written in another way."""

from __future__ import annotations

import ipaddress
from typing import Any

DOCUMENTATION = """
name: addresses
short_description: Write an address as its use wants it
description:
  - C(published_on) writes it as Docker publishes ports on it, C(reached_at) as a client on the same host reaches what
    is published there, C(in_url) as a part of a URL. C(publish_problem) says why nothing may be published on it.
options:
  _input:
    description: An IP address, with or without brackets, or C(localhost).
    type: str
    required: true
"""

LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def _parsed(address: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    text = str(address).strip()
    if text == "localhost":
        text = LOOPBACK[4]
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def published_on(address: str) -> str:
    """The address in front of a published port: IPv6 in brackets."""
    found = _parsed(address)
    return in_url(str(found)) if found else address


def reached_at(address: str) -> str:
    """The address to connect to on the same host: of all addresses, the loopback."""
    found = _parsed(address)
    if found is None or str(address).count("%"):
        return address
    return LOOPBACK[found.version] if found.is_unspecified else str(found)


def in_url(host: str) -> str:
    """A host name or address as a URL holds it; a zone's sign is escaped (RFC 6874)."""
    return f"[{host.replace('%', '%25')}]" if ":" in host and not host.startswith("[") else host


def publish_problem(address: Any, variable: str, reason_variable: str = "", reason: str = "") -> str:
    """Say why nothing may be published on an address, empty when it may.

    :param variable: the setting that holds it
    :param reason_variable: for what has no TLS, the setting that says why it may leave the host; empty for what has
    :param reason: its value
    """
    found = _parsed(address)
    # Docker knows no zones, and a link-local address is none without its zone
    if found is None or found.is_link_local or found.is_multicast or getattr(found, "scope_id", None):
        return (
            f"{variable}={address} is no address that Docker publishes ports on; it takes an IPv4 or IPv6 address"
            f" that is not link-local. Set it to {LOOPBACK[4]}, {LOOPBACK[6]} or an address of this host"
        )
    if not reason_variable or found.is_loopback or str(reason).strip():
        return ""
    return (
        f"{variable}={address} would publish plain HTTP, passwords and figures in clear, past the rules of UFW."
        f" Leave it at {LOOPBACK[4]} and let the TLS proxy (tls_proxy_enabled) or one of your own serve others,"
        f" or say in {reason_variable} why this network may read along"
    )


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "published_on": published_on,
            "reached_at": reached_at,
            "in_url": in_url,
            "publish_problem": publish_problem,
        }
