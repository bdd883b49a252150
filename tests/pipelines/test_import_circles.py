"""Imports go one way: no module leads back to itself, and no package to one that needs it.

Imports inside functions count: they are how a circle is hidden. Those for types alone do not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imports import graph
from tests.makefile import REPOSITORY


def circles(edges: dict[str, set[str]]) -> list[str]:
    """Each circle once, as `a → b → a`."""
    found, done = {}, set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            circle = way[way.index(name) :]
            least = circle.index(min(circle))
            found[frozenset(circle)] = " → ".join([*circle[least:], *circle[:least], min(circle)])
            return
        if name not in done:
            for other in sorted(edges.get(name, ())):
                walk(other, [*way, name])
            done.add(name)

    for name in sorted(edges):
        walk(name, [])
    return sorted(found.values())


def by_package(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same between top-level names."""
    merged: dict[str, set[str]] = {}
    for name, others in edges.items():
        top = name.partition(".")[0]
        merged.setdefault(top, set()).update({other.partition(".")[0] for other in others} - {top})
    return merged


def test_no_module_leads_back_to_itself() -> None:
    assert circles(graph(REPOSITORY)) == []


def test_no_package_leads_back_to_itself() -> None:
    assert circles(by_package(graph(REPOSITORY))) == []


def test_the_client_needs_nothing_of_ours() -> None:
    edges = by_package(graph(REPOSITORY))
    assert edges["zakaz_clickhouse"] == edges["whole_file"] == set()
    assert edges["zakaz_schema"] == {"zakaz_clickhouse"}
    assert {"zakaz_clickhouse", "whole_file"} <= edges["zakaz_backup"] & edges["zakaz_watch"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from .b import x", "from .a import y"),
        ("from . import b", "import tool.a"),
        ("def f():\n    from tool import b", "from ansible.module_utils.tool import a"),
        ("try:\n    from .b import x\nexcept ImportError:\n    pass", "from .a import y"),
    ],
)
def test_a_circle_is_found_however_it_is_written(tmp_path: Path, one: str, other: str) -> None:
    folder = tmp_path / "module_utils/tool"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "a.py").write_text(one)
    (folder / "b.py").write_text(other)
    assert circles(graph(tmp_path)) == ["tool.a → tool.b → tool.a"]


def test_what_only_types_need_makes_no_circle(tmp_path: Path) -> None:
    folder = tmp_path / "module_utils/tool"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("from .b import x")
    (folder / "b.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import y")
    assert circles(graph(tmp_path)) == []


def test_a_circle_of_packages_is_found_where_no_module_has_one(tmp_path: Path) -> None:
    for name, text in (
        ("module_utils/tool/__init__.py", ""),
        ("module_utils/tool/a.py", "import other.x"),
        ("module_utils/tool/b.py", ""),
        ("packages/p/src/other/x.py", ""),
        ("packages/p/src/other/y.py", "from tool import b"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert circles(graph(tmp_path)) == []
    assert circles(by_package(graph(tmp_path))) == ["other → tool → other"]
