"""Which module of the repository imports which, for tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

# folders whose content is imported by its own name
ROOTS = [
    "module_utils",
    "library",
    "plugins/action",
    "plugins/callback",
    "plugins/doc_fragments",
    "plugins/filter",
    "plugins/lookup",
    "plugins/plugin_utils",
    "plugins/vars",
    "scripts",
    *("packages/*/src", "integrations/*/src", "services/*/src", "roles/*/files"),
]
ANSIBLE = "ansible.module_utils."


def modules(repository: Path) -> dict[str, Path]:
    """Files by the name they are imported by."""
    found = {}
    for root in (folder for pattern in ROOTS for folder in sorted(repository.glob(pattern))):
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name if name not in found else str(path.relative_to(repository))] = path
    return found


def imported(path: Path, name: str) -> Iterator[str]:
    """Names a module imports; `from a import b` gives `a.b` too, which may be a module."""

    def statements(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
                yield child
                yield from statements(child)

    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(ANSIBLE) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*filter(None, above), *filter(None, [base])])
            base = base.removeprefix(ANSIBLE)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def graph(repository: Path) -> dict[str, set[str]]:
    """What each module imports of ours."""
    known = modules(repository)
    return {
        name: {other for other in imported(path, name) if other in known and other != name}
        for name, path in known.items()
    }


def reached(edges: dict[str, set[str]], starts: set[str]) -> set[str]:
    """These modules, and all that they import, whatever the way."""
    found, ahead = set(starts), list(starts)
    while ahead:
        new = edges[ahead.pop()] - found
        found |= new
        ahead += new
    return found
