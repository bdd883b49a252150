"""A source that is taken out of the registry is gone, its data is not, and put back it is loaded again."""

from __future__ import annotations

import json

import pytest

from tests.sources import ENABLED, SOURCES

from .conftest import NAME, Play, ask, controller_dir, docker, play, rows, secret

pytestmark = pytest.mark.deploy
HOST = controller_dir() / "host"


def deploy(*registry: str) -> Play:
    """Deploy with these sources and no other."""
    return play("site", json.dumps({"zakaz_sources": registry}))


def others(name: str) -> list[str]:
    """The registry without one of its sources."""
    return [one for one in ENABLED if one != name]


def traces(name: str) -> set[str]:
    """What a host that loads from a source has of it: files, running services, a ClickHouse user that may log in."""
    slug = f"{NAME}-{name.replace('_', '-')}"
    user = SOURCES[name]["clickhouse"]["user"]
    containers = docker("ps", "--all", "--format", "{{.Names}}").splitlines()
    logs_in = ask("SELECT 1", user, secret(f"clickhouse_{user}"))[0] == 200
    return (
        {file for file in (slug, f"{name}.env") if (HOST / file).exists()}
        | {one["container"] for one in SOURCES[name]["services"].values() if f"{NAME}-{one['container']}" in containers}
        | ({user} if logs_in else set())
    )


def held(name: str) -> dict[str, str]:
    """Sums of the staging tables of a source, by their names."""
    return {
        table: rows(f"SELECT count() AS rows, sum(cityHash64(*)) AS digest FROM {table} FINAL", "admin")
        for table in SOURCES[name]["clickhouse"]["watched"]
    }


@pytest.fixture(scope="module")
def whole(deployed):
    """A deployment with every source, whatever other tests have switched off."""
    assert deploy(*ENABLED).code == 0


@pytest.mark.parametrize("name", ENABLED)
def test_a_source_that_is_taken_out_is_gone_its_data_stays_and_it_comes_back(whole, name):
    there, before = traces(name), held(name)
    assert {f"{name}.env", SOURCES[name]["clickhouse"]["user"]} < there
    assert any(table[0]["rows"] != "0" for table in before.values())

    assert deploy(*others(name)).code == 0
    assert traces(name) == set()
    assert held(name) == before
    again = deploy(*others(name))
    assert (again.code, again.counts["changed"]) == (0, 0)
    status = play("status", json.dumps({"zakaz_sources": others(name)}))
    assert (status.code, name in status.output) == (0, False)

    # a warehouse that never had it
    docker("rm", "--force", f"{NAME}-clickhouse")
    docker("volume", "rm", f"{NAME}-clickhouse-data")
    assert deploy(*others(name)).code == 0
    assert {table[0]["rows"] for table in held(name).values()} == {"0"}

    # the smoke test of a deployment compares what is shown with what every source of it sold and spent
    assert deploy(*ENABLED).code == 0
    assert traces(name) == there
    assert all(table[0]["rows"] != "0" for table in held(name).values())
