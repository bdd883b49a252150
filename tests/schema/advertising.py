"""A source of advertising for tests that are about none in particular: the first that brings what they need of it."""

from __future__ import annotations

from tests.schema.engines import REPOSITORY, Engine

# fills the source's staging with what the mart holds of it
_FILL = sorted(REPOSITORY.glob("integrations/*/tests/schema/staging_from_mart.sql"))[0]
SOURCE = _FILL.relative_to(REPOSITORY).parts[1]
STAGING = _FILL.read_text(encoding="utf-8").split()[2]
#: No loader's name: a source that fills the mart and nothing else.
ELSEWHERE = "elsewhere"


def stage_ads(engine: Engine) -> None:
    """The source's staging as its loader left it before it filled the mart."""
    engine.execute(_FILL.read_text(encoding="utf-8"))
