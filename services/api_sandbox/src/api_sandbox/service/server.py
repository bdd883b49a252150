"""How uvicorn serves the sandbox, in the container and in tests alike."""

from __future__ import annotations

import uvicorn
from starlette.types import ASGIApp

from api_sandbox.service.abortable_http import AbortableH11Protocol


def server_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    """One process, no access log, and no Date header of its own: the gate sets it."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=AbortableH11Protocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )
