"""``/sandbox/*``: scripting faults, changing the season, reading what was asked. No live API has these."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api_sandbox.season.mutations import Mutation, MutationError, mutate
from api_sandbox.service.answers import json_response
from api_sandbox.service.faults import Fault
from api_sandbox.service.state import ServiceState

_faults = msgspec.json.Decoder(list[Fault])
_mutations = msgspec.json.Decoder(list[Mutation])


class ControlApi:
    """The test's side of the service."""

    def __init__(self, state: ServiceState) -> None:
        self.state = state

    def routes(self) -> list[Route]:
        """Starlette routes."""
        return [
            Route("/sandbox/faults", self.list_faults, methods=["GET"]),
            Route("/sandbox/faults", self.add_faults, methods=["POST"]),
            Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
            Route("/sandbox/mutate", self.mutate, methods=["POST"]),
            Route("/sandbox/requests", self.list_requests, methods=["GET"]),
            Route("/sandbox/requests", self.clear_requests, methods=["DELETE"]),
            Route("/sandbox/violations", self.violations, methods=["GET"]),
        ]

    async def list_faults(self, request: Request) -> Response:
        """Faults that still wait."""
        return json_response(self.state.faults.pending())

    async def add_faults(self, request: Request) -> Response:
        """A list of faults."""
        try:
            faults = _faults.decode(await request.body())
            for fault in faults:
                self.state.check(fault.mutations)
        except (msgspec.DecodeError, MutationError) as error:
            return _refused(error)
        for fault in faults:
            self.state.faults.add(fault)
        return json_response({"added": len(faults)}, 201)

    async def clear_faults(self, request: Request) -> Response:
        """Forget all faults."""
        self.state.faults.clear()
        return Response(status_code=204)

    async def mutate(self, request: Request) -> Response:
        """A list of mutations, carried out in order; answers what each touched."""
        done: list[dict[str, Any]] = []
        try:
            wanted = _mutations.decode(await request.body())
            self.state.check(wanted)
            for mutation in wanted:
                done.append({"kind": mutation.kind, "ids": mutate(self.state, mutation)})
        except (msgspec.DecodeError, MutationError) as error:
            return _refused(error)
        return json_response(done)

    async def list_requests(self, request: Request) -> Response:
        """The API requests seen so far, oldest first."""
        return json_response(list(self.state.requests))

    async def clear_requests(self, request: Request) -> Response:
        """Begin a new log."""
        self.state.requests.clear()
        return Response(status_code=204)

    async def violations(self, request: Request) -> Response:
        """Calls that would have changed something at a live service."""
        return json_response({"count": len(self.state.violations), "violations": self.state.violations})


def _refused(error: Exception) -> Response:
    return json_response({"error": str(error)}, 400)
