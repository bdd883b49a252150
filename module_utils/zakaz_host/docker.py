"""Questions to the Docker Engine, over its socket."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any
from urllib.parse import quote, urlsplit

_SECONDS = 10


class EngineSilent(Exception):
    """No Docker Engine answers this user; the text says why."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the standard library has the protocol but not the transport."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(host: str, url: str) -> Any:
    """Ask the Docker Engine.

    :param host: where it listens, as DOCKER_HOST says: ``unix:///var/run/docker.sock``, ``tcp://…`` or a path
    :param url: path of the Engine API that answers JSON
    :returns: the decoded answer
    :raises EngineSilent: nobody answers this user
    """
    place = urlsplit(host)
    if place.scheme == "tcp":
        connection: http.client.HTTPConnection = http.client.HTTPConnection(place.netloc, timeout=_SECONDS)
    else:
        connection = _UnixConnection(place.path)
    try:
        connection.request("GET", url)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise EngineSilent(f"{host} answered {answer.status}")
        return json.loads(content)
    except TimeoutError:
        raise EngineSilent(f"{host}: no answer within {_SECONDS} s") from None
    except OSError as error:
        raise EngineSilent(f"{host}: {error.strerror or error}") from None
    except (http.client.HTTPException, ValueError):
        raise EngineSilent(f"{host}: what answers is no Docker Engine") from None
    finally:
        connection.close()


def about(host: str) -> dict[str, Any]:
    """What the Engine tells of itself, such as ``DockerRootDir``.

    :raises EngineSilent: nobody answers this user
    """
    told = ask(host, "/info")
    if not isinstance(told, dict):
        raise EngineSilent(f"{host}: what answers is no Docker Engine")
    return told


def containers(host: str, deployment: str) -> dict[str, dict[str, Any]]:
    """Every container of a deployment by name, with the Engine's own words in ``State`` and ``Status``.

    :raises EngineSilent: nobody answers this user
    """
    filters = quote(json.dumps({"label": [f"zakaz.deployment={deployment}"]}))
    found = ask(host, f"/containers/json?all=1&filters={filters}")
    return {name.lstrip("/"): one for one in found for name in one.get("Names") or []}


def holds(running: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What holds loaders still, by container: what ``for``, and ``since`` when, in seconds since 1970.

    :param running: as :func:`containers` gives it
    """
    return {
        name: {"for": one["Labels"]["zakaz.hold"], "since": one["Created"]}
        for name, one in sorted(running.items())
        if "zakaz.hold" in (one.get("Labels") or {})
    }


def container_problem(one: dict[str, Any] | None) -> str:
    """Say why a container does not serve; empty when it does.

    :param one: as :func:`containers` gives it, None where there is none
    """
    if one is None:
        return "there is no such container"
    status = str(one.get("Status", ""))
    if one.get("State") != "running":
        return f"it does not run ({status or one.get('State')})"
    return f"it runs and is not well ({status})" if "unhealthy" in status else ""
