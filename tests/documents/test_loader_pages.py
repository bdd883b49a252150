"""A default stands in source.yml alone: changed there, it is changed for the loader and in every document."""

from __future__ import annotations

import copy
import importlib
import sys
from pathlib import Path
from typing import Any

import document_roles
import loader_pages
import pytest
import yaml
from pydantic import Field
from source_file import environment_name
from zakaz_common.settings import CommonSettings

from tests.makefile import REPOSITORY
from tests.sources import SOURCES

REQUIRED = {"clickhouse_host": "h", "clickhouse_user": "u", "clickhouse_password": "p"}


def numbers() -> list[tuple[str, tuple[str, ...]]]:
    """Source and path of every number that source.yml sets."""
    found = []
    for name, source in SOURCES.items():
        found += [(name, ("settings", key, "default")) for key in source["settings"]]
        for service, content in source["services"].items():
            found += [(name, ("services", service, "settings", key, "default")) for key in content["settings"]]
            found.append((name, ("services", service, "port")))
    return [(name, path) for name, path in found if isinstance(at(SOURCES[name], path), int | float)]


def at(content: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, or nothing."""
    for key in path:
        content = content.get(key, {})
    return content


def settings_of(name: str) -> type[CommonSettings]:
    """The loader's own settings."""
    sys.path.insert(0, str(REPOSITORY / f"integrations/{name}/src"))
    module = importlib.import_module(f"{name}.settings")
    (model,) = (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)
    return model


@pytest.mark.parametrize(("name", "path"), numbers(), ids=lambda value: value if isinstance(value, str) else value[-2])
def test_a_default_changed_in_source_yml_is_changed_everywhere(
    name: str, path: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = copy.deepcopy(SOURCES[name])
    old = at(source, path)
    new = old - 1 if isinstance(old, int) and old > 1 else old / 2
    at(source, path[:-1])[path[-1]] = new
    key = path[1:2] if path[0] == "settings" else (path[1], *path[3:4]) if "settings" in path else (path[1], "port")
    variable = environment_name(source, *key)

    (tmp_path / "source.yml").write_text(yaml.safe_dump(source), encoding="utf-8")
    model = settings_of(name)
    monkeypatch.setattr(model, "SOURCE", tmp_path / "source.yml")
    given = {one: "x" for one, field in model.model_fields.items() if one not in model.defaults()}
    assert float(getattr(model(**given), variable.lower())) == new

    assert f"\n| `{variable}` | `{new}` |" in loader_pages.readme(name, source)
    assert f"\n{variable}={new}\n" in loader_pages.template({name: source})
    rows = [line.split(" | ") for line in document_roles.source_table(name, source)]
    assert [f"`{new}`"] == [row[2] for row in rows if row[0] == f"| `{'_'.join([name, *key])}`"]


def test_a_variable_is_shown_as_people_read_and_fill_it_in() -> None:
    field = Field(ge=0, lt=1)
    assert loader_pages.takes(field) == "from 0 below 1"
    assert loader_pages.takes(CommonSettings.model_fields["loader_batch_rows"]) == "from 100 up to 50000"
    assert loader_pages.takes(CommonSettings.model_fields["clickhouse_secure"]) == "`true` or `false`"
    one = loader_pages.Variable("DEMO_KEY", "change-me", "required unless `DEMO_B` is set", True, "", "A `key` | word.")
    assert loader_pages.row(one) == "| `DEMO_KEY` | required unless `DEMO_B` is set, secret |  | A `key` \\| word. |"
    assert loader_pages.entry(one) == (
        "# REQUIRED unless DEMO_B is set. A key | word. Or a file of this name in lower case in /run/secrets; "
        "then remove this\n# line.\n"
        "DEMO_KEY=change-me\n"
    )


def test_every_line_of_the_env_file_is_a_comment_or_a_variable_as_docker_reads_them() -> None:
    text = loader_pages.template(SOURCES)
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        assert line.startswith("# ") or not line or (sign and name.isupper() and "#" not in value and '"' not in value)
        assert len(line) <= 120
    first = min(SOURCES.values(), key=lambda source: source["order"])
    assert f"\nCLICKHOUSE_USER={first['clickhouse']['user']}\n" in text


def test_what_is_loaded_first_comes_first() -> None:
    backwards = {name: {**source, "order": -source["order"]} for name, source in SOURCES.items()}
    for sources in (SOURCES, backwards):
        text = loader_pages.template(sources)
        first, *others = sorted(sources.values(), key=lambda source: source["order"])
        assert f"CLICKHOUSE_USER={first['clickhouse']['user']}\n" in text
        assert all(text.index(f"- {first['title']} -") < text.index(f"- {other['title']} -") for other in others)


def test_a_setting_that_the_loader_lacks_is_named() -> None:
    name, source = next(iter(SOURCES.items()))
    more = {**source, "settings": {**source["settings"], "colour": {"description": "Of the page."}}}
    with pytest.raises(SystemExit, match=r"settings.py has no field \w+_colour"):
        loader_pages.readme(name, more)


def test_a_readme_without_marks_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, source = next(iter(SOURCES.items()))
    folder = tmp_path / f"integrations/{name}"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("# New\n\nWords.\n", encoding="utf-8")
    monkeypatch.setattr(loader_pages, "REPOSITORY", tmp_path)
    first = loader_pages.readme(name, source)
    assert first.startswith("# New\n\nWords.\n\n## Variables\n")
    assert f"| `{environment_name(source, 'base_url')}` |" in first
    (folder / "README.md").write_text(first, encoding="utf-8")
    assert loader_pages.readme(name, source) == first
