"""A source is one folder and one word in one line: nothing else of the repository knows what it is called."""

from __future__ import annotations

import subprocess

import pytest

from tests.makefile import REPOSITORY
from tests.sources import ENABLED

REGISTRY = "roles/zakaz/defaults/main/sources.yml"


def own_places(source: str) -> list[str]:
    """Where a source's name may stand beside the registry, as patterns of git."""
    return [
        # its code, what the deployment must know of it, its tests and benches
        f"integrations/{source}/**",
        # tests that need the fixtures of others, such as a deployment
        f"tests/**/{source}/**",
        # what the simulator plays of its vendor, where that folder has the source's name
        f"services/api_sandbox/**/{source}/**",
        # the schema is the product: tables and views are called after what fills them
        "templates/ddl/**",
        # documents, and what changed
        "**/*.md",
    ]


def lines_with(source: str) -> list[str]:
    """File and text of every line elsewhere that has the name, alone or as a part of a longer one."""
    elsewhere = [f":(exclude,glob){place}" for place in own_places(source)]
    done = subprocess.run(
        ["git", "grep", "-IE", f"(^|[^[:alnum:]]){source}([^[:alnum:]]|$)", "--", ".", *elsewhere],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("source", ENABLED)
def test_nothing_but_the_registry_names_a_source(source: str) -> None:
    assert [line.partition(":")[0] for line in lines_with(source)] == [REGISTRY], "\n".join(lines_with(source))
