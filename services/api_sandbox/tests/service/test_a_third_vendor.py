"""A further vendor is one folder: its routes, settings, truth, mutations and cabinets are then there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "api_sandbox"
FOLDER = '''
"""Sells posters."""
import msgspec
from starlette.routing import Route
from api_sandbox.season.moscow_time import day_start
from api_sandbox.season.records import Account, AdGroup, AdPlan, Banner
from api_sandbox.service.answers import json_response
from api_sandbox.service.faults import Damage
from api_sandbox.service.vendor import Vendor, VendorApi


class PostersSettings(msgspec.Struct, frozen=True, kw_only=True):
    posters_walls: int = 1


def advertise(settings):
    def cabinets(season):
        at = day_start(season.first_day)
        event = next(iter(season.events))
        wall = Account("wall", 5, vendor="posters")
        wall.plans[900001] = AdPlan(900001, "wall", "posters", "active", event, at, at)
        wall.groups[900002] = AdGroup(900002, 900001, "posters", "active", False, "", at, at)
        wall.banners[900003] = Banner(900003, 900002, "poster", "active", "https://x.example?utm_content=qr", at, at)
        return [wall] * settings.posters_walls
    return cabinets


class PostersApi(VendorApi):
    sold = 0

    def routes(self):
        return [Route("/api/posters/walls", self.walls)]

    async def walls(self, request):
        accounts = self.season.accounts_of("posters")
        return json_response({"walls": self.settings.posters_walls, "banners": [len(a.banners) for a in accounts]})

    def mutations(self):
        def act(state, mutation, at, random):
            self.sold += mutation.count
            return []
        return {"sell_posters": act}

    def truth(self):
        return {"posters": lambda: {"sold": self.sold}}

    def damages(self, faults):
        yield Damage("walls", 1, "$", faults[0].kind, faults[0].rank)

    def damaged(self, fault, path, body):
        return b'{"walls":"torn"}'


VENDOR = Vendor("posters", "/api/posters", PostersSettings, PostersApi, advertise)
'''
ASK = """
import json, sys, urllib.request
from datetime import date
from api_sandbox.testing import running_sandbox
with running_sandbox(orders=50, season_end=date(2026, 11, 20), posters_walls=1) as sandbox:
    def get(path):
        with urllib.request.urlopen(sandbox.url + path) as answer:
            return json.load(answer)
    told = {"walls": get("/api/posters/walls")}
    sandbox.mutate("sell_posters", count=3)
    told["truth"] = get("/truth/posters.json")
    told["spend"] = sum(s.spent for a in sandbox.season.accounts_of("posters") for b in a.banners.values()
                        for s in b.days.values())
    told["others"] = [a.name for a in sandbox.season.accounts if a.vendor != "posters"][:1]
    sandbox.inject("spoil", route="/api/posters/*")
    told["damages"] = len(get("/truth/damages.json"))
    told["torn"] = get("/api/posters/walls")
    print(json.dumps(told))
"""


def test_one_folder_is_enough(tmp_path: Path) -> None:
    copy = tmp_path / "api_sandbox"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "posters").mkdir()
    (copy / "posters/__init__.py").write_text(FOLDER)
    done = subprocess.run(
        [sys.executable, "-c", ASK], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told.pop("spend") > 0, "its ads have a budget"
    assert told == {
        "walls": {"walls": 1, "banners": [1]},
        "truth": {"sold": 3},
        "others": ["kabinet-1"],
        "damages": 1,
        "torn": {"walls": "torn"},
    }
