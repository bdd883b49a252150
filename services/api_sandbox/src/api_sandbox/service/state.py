"""What the routes of one running service share."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from api_sandbox.season import mutations
from api_sandbox.season.generator import Season
from api_sandbox.season.mutations import Action, Mutation, MutationError
from api_sandbox.service.faults import RECORD_KINDS, Damage, FaultPlan
from api_sandbox.service.vendor import VendorApi
from api_sandbox.settings import Settings
from api_sandbox.vendors import VENDORS

LOGGED_REQUESTS = 50_000


class ServiceState:
    """The season, every vendor's API, and everything that was observed.

    ``violations`` are calls that would have changed something at the live service.
    """

    def __init__(self, season: Season, settings: Settings) -> None:
        self.season = season
        self.faults = FaultPlan()
        self.violations: list[dict[str, str]] = []
        self.requests: deque[dict[str, Any]] = deque(maxlen=LOGGED_REQUESTS)
        self.apis: dict[str, VendorApi] = {
            vendor.prefix: vendor.api(self, settings.of(vendor.settings)) for vendor in VENDORS
        }
        self.actions: Mapping[str, Action] = mutations.ACTIONS
        for api in self.apis.values():
            self.actions = {**self.actions, **api.mutations()}

    def api_at(self, path: str) -> VendorApi | None:
        """The vendor's API that a path belongs to."""
        return next((api for prefix, api in self.apis.items() if path.startswith(prefix)), None)

    def damages(self) -> list[Damage]:
        """Every damaged field of the season's records, by the faults that have not struck for the last time.

        A fault that strikes only some requests (``nth``, ``times``) counts as if it struck all of its route.
        """
        faults = [fault for fault in self.faults.pending() if fault.kind in RECORD_KINDS]
        return [one for api in self.apis.values() for one in api.damages(faults)] if faults else []

    def forget(self, ids: Iterable[int]) -> None:
        """Objects with these ids changed."""
        for api in self.apis.values():
            api.forget(ids)

    def check(self, wanted: Iterable[Mutation]) -> None:
        """Raise MutationError when one is of no known kind."""
        for mutation in wanted:
            if mutation.kind not in self.actions:
                raise MutationError(f"no such mutation: {mutation.kind}; known are {', '.join(self.actions)}")


def build_season(settings: Settings) -> Season:
    """Generate the season the settings ask for. Raises ValueError."""
    advertising = [(vendor.advertise(settings.of(vendor.settings)), vendor.budget) for vendor in VENDORS]
    service = settings.service
    return Season(
        seed=service.seed,
        orders=service.orders,
        season_end=service.season_end,
        season_days=service.season_days,
        multilingual=service.multilingual,
        advertising=[(advertise, budget) for advertise, budget in advertising if advertise],
    )


def build_state(settings: Settings, season: Season | None = None) -> ServiceState:
    """State for the settings; ``season`` replaces the generated one."""
    return ServiceState(season or build_season(settings), settings)
