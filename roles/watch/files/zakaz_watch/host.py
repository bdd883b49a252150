"""What the host says: loaders' own metrics, timers, disks, memory, certificates."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .observed import Observed
from .settings import Settings

_SUCCESS = re.compile(r"^zakaz_loader_last_success_timestamp_seconds\{[^}]*\} (\S+)$", re.MULTILINE)
_AVAILABLE = re.compile(r"^MemAvailable:\s+(\d+) kB$", re.MULTILINE)


def observe(settings: Settings, seen: Observed) -> None:
    """Look at the host and fill in what was seen."""
    for loader, file in settings.metric_files.items():
        try:
            found = _SUCCESS.search(file.read_text(encoding="utf-8", errors="replace"))
            seen.file_success[loader] = float(found.group(1)) if found else 0.0
        except (OSError, ValueError):
            # it has not run under this deployment yet: the database knows more
            continue
    if settings.units:
        for loader, unit in settings.loaders.items():
            seen.timers[loader] = _output(
                "systemctl", "show", f"{unit}.timer", "--property=ActiveState,NextElapseUSecRealtime"
            )
    for path in settings.disks:
        try:
            usage = shutil.disk_usage(path)
            seen.disks[path] = (usage.free, usage.total)
        except OSError:
            continue
    available = _AVAILABLE.search(Path("/proc/meminfo").read_text())
    seen.memory_available = int(available.group(1)) * 1024 if available else None
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
