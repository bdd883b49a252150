"""A source.yml says what every source says, or is refused with a sentence; what a loader reads follows from it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from source_file import SourceFileError, loader_settings, needed_secrets, read_source, read_sources

from tests.makefile import REPOSITORY
from tests.sources import SOURCES

NAME = next(iter(SOURCES))


def written(folder: Path, *path: str, **change: Any) -> Path:
    """A source.yml of this repository, with keys of one part of it set, or removed where the value is None."""
    content = copy.deepcopy(yaml.safe_load((REPOSITORY / f"integrations/{NAME}/source.yml").read_text("utf-8")))
    part = content
    for key in path:
        part = part[key]
    for key, value in change.items():
        part[key] = value
        if value is None:
            del part[key]
    file = folder / "source.yml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("path", "change", "sentence"),
    [
        ((), {"colour": 1}, "source.yml: unknown: colour. Known are title, kind,"),
        ((), {"title": None}, "source.yml: missing: title. Known are"),
        ((), {"kind": "weather"}, "source.yml: kind is one of sales, advertising."),
        (("clickhouse",), {"user": None, "pasword": "x"}, "clickhouse: unknown: pasword; missing: user. Known are"),
        (("smoke",), {"expect": None}, "source.yml: smoke: missing: expect."),
        (("settings", "base_url"), {"defualt": 1}, "source.yml: settings.base_url: unknown: defualt. Known are desc"),
        (("settings", "base_url"), {"type": "list"}, "settings.base_url: type is one of str, int, float, bool."),
        (("settings", "base_url"), {"default": "{{ x }}"}, "settings.base_url: default is a plain value, without"),
        (("settings",), {"base_url": "x"}, "source.yml: settings.base_url: a mapping is expected, with description,"),
        ((), {"settings": ["base_url"]}, "source.yml: settings: a mapping is expected."),
        ((), {"services": ["bell"]}, "source.yml: services: a mapping is expected."),
        ((), {"order": "first"}, "source.yml: order is a whole number."),
        *(
            (("clickhouse",), {key: "zakaz.x"}, f"source.yml: clickhouse.{key}: a list is expected, [] for none.")
            for key in ("writes", "reads", "watched", "never_silent")
        ),
        (("smoke",), {"expect": "rows > 0"}, "source.yml: smoke.expect: a list is expected, [] for none."),
        (("smoke",), {"counts": "SELECT 1"}, "source.yml: smoke.counts: a mapping is expected."),
        ((), {"optional": "yes"}, "source.yml: optional is true or false."),
        ((), {"optional": 1}, "source.yml: optional is true or false."),
        (
            (),
            {"optional": True, "settings": {"login": {"description": "a", "required": True}}},
            "source.yml: optional: no setting is secret and required, so nothing would turn it on.",
        ),
        ((), {"services": {"bell": {}}}, "source.yml: services.bell: missing: description, command,"),
    ],
)
def test_what_no_source_says_is_refused(tmp_path: Path, path: tuple[str, ...], change: dict, sentence: str) -> None:
    file = written(tmp_path, *path, **change)
    with pytest.raises(SourceFileError) as caught:
        read_source(file)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize(
    ("change", "optional"), [({}, False), ({"optional": False}, False), ({"optional": True}, True)]
)
def test_a_source_is_optional_where_it_says_so(tmp_path: Path, change: dict, optional: bool) -> None:
    assert read_source(written(tmp_path, **change))["optional"] is optional


def test_a_source_needs_its_required_secrets_or_what_does_instead() -> None:
    settings = {
        "token": {"secret": True, "required": True},
        "key": {"secret": True, "required": True, "unless": "accounts"},
        "accounts": {"secret": True},
        "login": {"required": True},
    }
    assert needed_secrets({"settings": settings}) == {"token": "", "key": "accounts"}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"no/source.yml: .*No such file"):
        read_source(tmp_path / "no/source.yml")
    (tmp_path / "source.yml").write_text("a: [")
    with pytest.raises(SourceFileError, match=r"source.yml: while parsing") as caught:
        read_source(tmp_path / "source.yml")
    assert "\n" not in str(caught.value)


def test_sources_are_found_by_their_folders(tmp_path: Path) -> None:
    (tmp_path / "integrations/one").mkdir(parents=True)
    (tmp_path / "integrations/none").mkdir()
    written(tmp_path / "integrations/one")
    assert list(read_sources(tmp_path)) == ["one"]


def test_a_loader_reads_its_settings_and_those_of_its_services() -> None:
    source = {
        "environment_prefix": "DEMO_",
        "settings": {
            "token": {"description": "a", "required": True},
            "key": {"description": "b", "required": True, "unless": "name"},
            "name": {"description": "c", "default": "d"},
        },
        "services": {"bell": {"port": 8081, "settings": {"secret": {"description": "e", "required": True}}}},
    }
    found = loader_settings(source)
    assert {name: setting.get("default", "none") for name, setting in found.items()} == {
        "DEMO_TOKEN": "none", "DEMO_KEY": "", "DEMO_NAME": "d", "DEMO_BELL_PORT": 8081, "DEMO_BELL_SECRET": "",
    }  # fmt: skip
    assert [name for name, setting in found.items() if setting.get("service") == "bell"] == [
        "DEMO_BELL_PORT", "DEMO_BELL_SECRET",
    ]  # fmt: skip
