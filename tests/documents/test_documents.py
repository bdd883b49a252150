"""The documents agree with the repository: links, anchors, make targets, paths."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.documents.markdown import anchors, documents, links, shell_blocks
from tests.makefile import REPOSITORY, targets, verbs

DOCUMENTS = documents()
# what the README's table and CONTRIBUTING.md's must name
TABLES = (REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md")


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_relative_links_and_anchors_lead_somewhere(path):
    for link in links(path):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{name_of(path)}: {link} leads nowhere"
        assert target.is_relative_to(REPOSITORY), f"{name_of(path)}: {link} leads out of the repository"
        if anchor:
            assert anchor in anchors(target), f"{name_of(path)}: {link}: no such heading in {name_of(target)}"


def named_targets(text: str) -> set[str]:
    """Make targets that commands in code spans and blocks name."""
    found = set()
    for code in re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL):
        for words in re.findall(r"(?:^|[`\s;&|(])make((?: +[\w=./,'$-]+)+)", code):
            for word in words.split():
                if not re.fullmatch(r"[a-z][a-z0-9_-]*", word):
                    break
                found.add(word)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_make_target_a_document_names_exists(path):
    named = named_targets(path.read_text(encoding="utf-8"))
    assert named <= targets(), f"{name_of(path)}: no such make target: {', '.join(sorted(named - targets()))}"


def test_every_make_target_is_documented():
    named = set().union(*(named_targets(path.read_text(encoding="utf-8")) for path in TABLES))
    missing = set(verbs()) - named - {"help"}
    assert not missing, f"in the tables of neither README.md nor CONTRIBUTING.md: {', '.join(sorted(missing))}"


def test_every_target_says_what_it_does():
    internal = re.compile(r"(unit|soak)-.*|suites|deployments")
    silent = {name for name in targets() if name not in verbs() and not internal.fullmatch(name)}
    assert silent == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_shell_blocks_are_marked_as_such(path):
    """A block that begins with a command and is not fenced as `sh` would never be run, nor excepted with a reason."""
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        language, body = match[1], match[2]
        if language in ("", "bash", "shell", "console"):
            first = body.strip().split(" ")[0].split("\n")[0]
            commands = {
                "make",
                "docker",
                "curl",
                "cd",
                "python",
                "python3",
                "pip",
                "git",
                "systemctl",
                "ansible-playbook",
            }
            line = text[: match.start()].count("\n") + 1
            assert first not in commands, f"{name_of(path)}:{line}: fence it as sh, and if it must not run, say why"


def test_exceptions_have_reasons():
    for path in DOCUMENTS:
        for block in shell_blocks(path):
            if block.skipped is not None:
                assert len(block.skipped) > 10, f"{name_of(path)}:{block.line}"


def test_the_index_of_operations_leads_to_every_page():
    folder = REPOSITORY / "docs/operations"
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert pages <= set(links(folder / "README.md"))


def test_the_map_of_the_roles_names_each_once_in_the_order_of_a_deployment():
    named = [link.partition("/")[0] for link in links(REPOSITORY / "roles/README.md") if link.endswith("/README.md")]
    assert sorted(named) == sorted(path.name for path in (REPOSITORY / "roles").iterdir() if path.is_dir())
    site = (REPOSITORY / "playbooks/site.yml").read_text(encoding="utf-8")
    run = re.findall(r"import_role: \{name: (\w+)\}", site)
    assert len(run) > 15 and [role for role in named if role in run] == run
