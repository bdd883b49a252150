"""One role runs containers, so none is without its bounds."""

from __future__ import annotations

from tests.makefile import REPOSITORY


def test_containers_are_run_and_removed_by_one_role():
    found = {
        path.relative_to(REPOSITORY).parts[1]
        for path in (REPOSITORY / "roles").glob("*/tasks/*.yml")
        if "docker_container:" in path.read_text(encoding="utf-8")
    }
    assert found == {"container"}
