"""Fixtures of the schema tests: engines of every version, and the schema as a role would render it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache

import pytest
from zakaz_schema.statements import Statement

from tests.schema.engines import VERSIONS, Engine, python_of
from tests.schema.rendering import declared_schema

QUICK = "26.3"


@cache
def _started(version: str) -> Engine:
    if not python_of(version).exists():
        words = f"engine {version} is not installed: run scripts/make_test_engines.sh"
        if os.environ.get("ZAKAZ_REQUIRE_ENGINES"):
            pytest.fail(words)
        pytest.skip(words)
    engine = Engine(version)
    _RUNNING.append(engine)
    return engine


_RUNNING: list[Engine] = []


def pytest_sessionfinish() -> None:
    for engine in _RUNNING:
        engine.close()


def _parameters(versions: tuple[str, ...]) -> list:
    return [pytest.param(v, marks=[] if v == QUICK else pytest.mark.slow) for v in versions]


@pytest.fixture(params=_parameters(VERSIONS))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty engine of each version."""
    started = _started(request.param)
    started.reset()
    yield started


@pytest.fixture
def one_engine() -> Iterator[Engine]:
    """An empty engine of one version, for what does not depend on the version."""
    started = _started(QUICK)
    started.reset()
    yield started


@pytest.fixture(scope="session")
def schema() -> list[Statement]:
    """The whole schema, rendered with the role's defaults."""
    return declared_schema()
