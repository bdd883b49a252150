"""``python -m api_sandbox``: serve one season until stopped."""

from __future__ import annotations

import os
import sys

import uvicorn

from api_sandbox.app import build_app
from api_sandbox.service.server import server_config
from api_sandbox.service.state import build_state
from api_sandbox.settings import SettingsError, from_environment


def main() -> int:
    """Exit code 78 when a setting is wrong, as the loaders use it."""
    try:
        settings = from_environment(os.environ)
        state = build_state(settings)
    except (SettingsError, ValueError) as error:
        print(f"api_sandbox: {error}", file=sys.stderr)
        return 78
    season = state.season
    print(f"api_sandbox: {len(season.orders)} orders, {season.first_day} to {season.season_end}", flush=True)
    uvicorn.Server(server_config(build_app(state), settings.service.host, settings.service.port)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
