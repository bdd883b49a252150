"""Whether a certificate can serve a host: before it is sent anywhere."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

DOCUMENTATION = """
name: certificate_problem
short_description: Say why a certificate cannot serve a host
description:
  - Empty when it can. The key is read and never quoted.
options:
  _input:
    description: Certificate with its chain, in PEM; the host's own first.
    type: str
    required: true
  key:
    description: Its key, in PEM, without a passphrase.
    type: str
    required: true
  hostname:
    description: Name or address that clients connect to.
    type: str
    required: true
"""


def names_of(certificate: x509.Certificate) -> list[str]:
    """Names and addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def covers(name: str, hostname: str) -> bool:
    """Whether a name of a certificate, perhaps with a star for its first label, is a host's."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(hostname)
    except ValueError:
        pass
    name, hostname = name.lower(), hostname.lower()
    return name == hostname or (name.startswith("*.") and hostname.partition(".")[2] == name[2:])


def certificate_problem(certificate: str, key: str, hostname: str) -> str:
    """Return a sentence on what is wrong, empty when the certificate can serve.

    :param certificate: chain in PEM, the host's own certificate first
    :param key: its key in PEM
    :param hostname: what clients connect to
    """
    if not certificate.strip() or not key.strip():
        return (
            "tls_proxy_certificate_source=own needs tls_proxy_certificate and tls_proxy_key, both in PEM."
            " Set them, or choose acme or internal."
        )
    try:
        own = x509.load_pem_x509_certificates(certificate.encode())[0]
    except ValueError:
        return "tls_proxy_certificate is no certificate in PEM (-----BEGIN CERTIFICATE-----)."
    try:
        private = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        return "tls_proxy_key is no private key in PEM, or has a passphrase. Give one without a passphrase."
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if own.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        return (
            f"tls_proxy_key is not the key of tls_proxy_certificate ({own.subject.rfc4514_string()})."
            " Give the pair that belongs together; the host's own certificate comes first in its file."
        )
    now = datetime.now(UTC)
    if not own.not_valid_before_utc <= now <= own.not_valid_after_utc:
        return (
            f"tls_proxy_certificate is valid from {own.not_valid_before_utc:%Y-%m-%d} to"
            f" {own.not_valid_after_utc:%Y-%m-%d}, and today is {now:%Y-%m-%d}. Give one that is valid now."
        )
    names = names_of(own)
    if not any(covers(name, hostname) for name in names):
        return (
            f"tls_proxy_certificate is for {', '.join(names) or 'no name'}, and not for"
            f" tls_proxy_hostname={hostname}. Give one for that name, or set the name."
        )
    return ""


class FilterModule:
    """Entry point for Ansible."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"certificate_problem": certificate_problem}
