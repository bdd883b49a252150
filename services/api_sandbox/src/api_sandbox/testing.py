"""The sandbox for other packages' tests: a real server on a free port, with its season and its controls.

>>> with running_sandbox(orders=500) as sandbox:  # doctest: +SKIP
...     sandbox.inject("status", route="*/orders", nth=2, status=429, retry_after=1)
...     load(sandbox.qtickets_url, sandbox.qtickets_token)
...     assert sandbox.count("*/orders") == 12
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import uvicorn

from api_sandbox.app import build_app
from api_sandbox.qtickets.routes import QticketsSettings
from api_sandbox.season.generator import Season
from api_sandbox.service.server import server_config
from api_sandbox.service.state import build_season, build_state
from api_sandbox.settings import PREFIX, Settings

_START_SECONDS = 20


def make_season(**settings: Any) -> Season:
    """A season with every vendor's advertising; ``settings`` as of :class:`api_sandbox.settings.Settings`."""
    return build_season(Settings(**settings))


class Sandbox:
    """A running service. Faults and mutations go through its HTTP control API, so they never race a request."""

    def __init__(self, url: str, settings: Settings, season: Season | None = None) -> None:
        self.url = url
        self.settings = settings
        self._season = season

    @property
    def season(self) -> Season:
        """The season behind the answers; read it, and change it by :meth:`mutate` only.

        Of a service in another process it is an equal one as first generated: mutations there do not show here.
        """
        if self._season is None:
            self._season = build_season(self.settings)
        return self._season

    @property
    def qtickets_url(self) -> str:
        """Value for QTICKETS_BASE_URL."""
        return f"{self.url}/api/rest/v1"

    @property
    def qtickets_token(self) -> str:
        """A token Qtickets routes accept."""
        return self.settings.of(QticketsSettings).qtickets_token

    @property
    def vk_clients(self) -> list[tuple[str, str, str]]:
        """(client id, client secret, name of the cabinet) of every cabinet's own credentials."""
        values = self.settings.values()
        name, secret = values["vk_client_id"], values["vk_client_secret"]
        suffixes = ["", *(f"-{number}" for number in range(2, values["vk_accounts"] + 1))]
        return [(name + end, secret + end, f"kabinet-{number}") for number, end in enumerate(suffixes, 1)]

    @property
    def vk_agency(self) -> tuple[str, str]:
        """(client id, client secret) of an agency whose clients are all cabinets, by name."""
        values = self.settings.values()
        return f"{values['vk_client_id']}-agency", f"{values['vk_client_secret']}-agency"

    @property
    def requests(self) -> list[dict[str, Any]]:
        """API requests so far, oldest first: method, path, query, headers, body (JSON ones), status, faults.

        Nothing that opens a cabinet is among them.
        """
        return self._call("GET", "/sandbox/requests")

    @property
    def violations(self) -> list[dict[str, str]]:
        """Calls that would have changed something at a live service."""
        return self._call("GET", "/sandbox/violations")["violations"]

    def count(self, route: str = "/api/*") -> int:
        """Number of API requests whose path matches the shell pattern."""
        return sum(fnmatchcase(entry["path"], route) for entry in self.requests)

    def inject(self, kind: str, **fields: Any) -> None:
        """Add one fault; fields as in :class:`api_sandbox.service.faults.Fault`."""
        self._call("POST", "/sandbox/faults", [{"kind": kind, **fields}])

    def mutate(self, kind: str, **fields: Any) -> list[int]:
        """Change the season now; fields as in :class:`api_sandbox.season.mutations.Mutation`. The ids touched."""
        return self._call("POST", "/sandbox/mutate", [{"kind": kind, **fields}])[0]["ids"]

    def pending_faults(self) -> list[dict[str, Any]]:
        """Faults that have not struck for the last time; empty when a script was played to its end."""
        return self._call("GET", "/sandbox/faults")

    def reset(self) -> None:
        """Forget faults and logged requests; the season stays as it is."""
        self._call("DELETE", "/sandbox/faults")
        self._call("DELETE", "/sandbox/requests")

    def roi(self, advertising: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """``/truth/roi.json``; of advertising what the named sources tell, of all sources without names."""
        return self._call("GET", "/truth/roi.json" + _of(advertising))

    def foreign_spend(self, advertising: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """``/truth/foreign_spend.json``: what cabinets in another currency than roubles spent, as of :meth:`roi`."""
        return self._call("GET", "/truth/foreign_spend.json" + _of(advertising))

    def truth(self, name: str) -> Any:
        """``/truth/<name>.json``: what a vendor tells of itself."""
        return self._call("GET", f"/truth/{name}.json")

    def damages(self) -> list[dict[str, Any]]:
        """``/truth/damages.json``: which field of which record the waiting faults damage."""
        return self._call("GET", "/truth/damages.json")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  always our own http:// address
            self.url + path, None if body is None else json.dumps(body).encode(), method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ValueError(f"{method} {path}: {error.read().decode()}") from None
        return json.loads(text) if text else None


@contextmanager
def running_sandbox(season: Season | None = None, **settings: Any) -> Iterator[Sandbox]:
    """Serve a season on 127.0.0.1 until the block ends.

    ``season`` is served as it is (and changed by mutations); without it one is generated from ``settings``, which
    are those of :class:`api_sandbox.settings.Settings`.
    """
    chosen = Settings(**{"orders": 300, "season_days": 60, **settings})
    state = build_state(chosen, season)
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio sets it on sockets it opens itself only; without it every answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(server_config(build_app(state), "127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.005)
        yield Sandbox(url, chosen, state.season)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


@contextmanager
def sandbox_process(**settings: Any) -> Iterator[Sandbox]:
    """The same service in a process of its own, for measurements that must not share an interpreter with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    chosen = Settings(**{"orders": 300, "season_days": 60, "host": "127.0.0.1", **settings, "port": port})
    values = {PREFIX + name.upper(): str(value) for name, value in chosen.values().items()}
    source = str(Path(__file__).resolve().parents[1])
    environment = {**os.environ, **values, "PYTHONPATH": source}
    process = subprocess.Popen([sys.executable, "-m", "api_sandbox"], env=environment, stdout=subprocess.DEVNULL)
    sandbox = Sandbox(f"http://127.0.0.1:{port}", chosen)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(sandbox.url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox did not start (exit code {process.poll()})")
            time.sleep(0.05)
        yield sandbox
    finally:
        process.terminate()
        process.wait(timeout=10)


def _of(advertising: Iterable[str] | None) -> str:
    return "" if advertising is None else f"?advertising={','.join(advertising)}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2):  # noqa: S310
            return True
    except OSError:
        return False
