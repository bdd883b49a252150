"""The API sandbox on a real socket, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from api_sandbox.app import build_app
from api_sandbox.generator import Season
from api_sandbox.service_state import ServiceState, build_state
from api_sandbox.settings import Settings


@dataclass
class Sandbox:
    """A running sandbox: its address, and its state for tests to look at and change."""

    url: str
    state: ServiceState


@contextmanager
def sandbox(season: Season, **settings: object) -> Iterator[Sandbox]:
    """Serve a season; limits are far away unless ``settings`` bring them near."""
    state = build_state(Settings(**{"vk_rps": 100_000, "vk_hourly": 10**9, "vk_daily": 10**9, **settings}), season)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(state), log_level="error", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    try:
        yield Sandbox(f"http://127.0.0.1:{listener.getsockname()[1]}", state)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
