"""What the host says: loaders' own metrics, Docker, units, disks, memory, certificates."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
from datetime import UTC, datetime

from zakaz_host.look import look

from .observed import Observed
from .settings import Settings

_SUCCESS = re.compile(r"^zakaz_loader_last_success_timestamp_seconds\{[^}]*\} (\S+)$", re.MULTILINE)


def observe(settings: Settings, seen: Observed) -> None:
    """Look at the host and fill in what was seen."""
    for loader, file in settings.metric_files.items():
        try:
            found = _SUCCESS.search(file.read_text(encoding="utf-8", errors="replace"))
            seen.file_success[loader] = float(found.group(1)) if found else 0.0
        except (OSError, ValueError):
            # it has not run under this deployment yet: the database knows more
            continue
    seen.host = look(**settings.look)
    for endpoint in settings.certificates:
        seen.certificates[endpoint] = _valid_until(endpoint)


def _valid_until(endpoint: str) -> float | str:
    """When the certificate of `host:port` ends, seconds since 1970; or why nobody knows."""
    host, _, port = endpoint.rpartition(":")
    # not verified here: an expired or self-signed one must be read too
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, int(port)), timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname=host) as secured,
        ):
            encoded = secured.getpeercert(binary_form=True)
    except (OSError, ValueError) as error:
        return f"{endpoint} shows no certificate: {error.strerror if isinstance(error, OSError) else error}"
    shown = _output("openssl", "x509", "-inform", "DER", "-noout", "-enddate", data=encoded)
    try:
        end = datetime.strptime(shown.strip(), "notAfter=%b %d %H:%M:%S %Y GMT")
    except ValueError:
        return f"the certificate of {endpoint} cannot be read; is openssl installed?"
    return end.replace(tzinfo=UTC).timestamp()


def _output(*command: str, data: bytes | None = None) -> str:
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
