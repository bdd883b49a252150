"""What a Dockerfile copies is what its build is given and what its program imports. No image is built here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makefile import REPOSITORY
from tests.sources import CATALOGUE, defaults

IMAGES = defaults("container_images")["container_images_of_services"] | {
    name: source["build"] for name, source in CATALOGUE.items()
}
FOLDERS = {path.parent.name: path.parent for path in REPOSITORY.glob("*/*/Dockerfile") if path.parts[-3] != "molecule"}

LOADERS = sorted(name for name in FOLDERS if FOLDERS[name].parent.name == "integrations")


def copied(folder: Path) -> list[tuple[str, str]]:
    """(from the repository, to in the image) of every COPY that is not between stages."""
    text = (folder / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    pairs = []
    for words in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, target = words.split()
        pairs += [(source, target) for source in sources if "*" not in source and "${" not in source]
    return pairs


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_a_build_is_given_what_its_dockerfile_copies(name: str) -> None:
    image = IMAGES[name]
    given = [*image["paths"], image["lock"]]
    for source, _ in copied(FOLDERS[name]):
        assert (REPOSITORY / source).exists(), source
        assert any(Path(source).is_relative_to(path) for path in given), f"{source} is not among {given}"
        # of a build by hand, whose context is the repository
        assert f"!{Path(source).parts[0]}" in (REPOSITORY / ".dockerignore").read_text().splitlines()


def image(name: str, root: Path) -> dict[str, str]:
    """Lay out what an image holds beside its packages; returns what its program sees of the environment."""
    for source, target in copied(FOLDERS[name]):
        if target.startswith("/opt/app/"):
            place = root / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if (REPOSITORY / source).is_file():
                shutil.copyfile(REPOSITORY / source, place)
            else:
                shutil.copytree(REPOSITORY / source, place, ignore=shutil.ignore_patterns("__pycache__"))
    (path,) = re.findall(r"PYTHONPATH=(\S+)", (FOLDERS[name] / "Dockerfile").read_text(encoding="utf-8"))
    return {"PATH": os.environ["PATH"], "PYTHONPATH": f"{root}{path}", "LOADER_STATE_DIR": str(root / "state")}


def dry_run(name: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", name, "run", "--dry-run"],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_finds_all_it_imports_in_its_image(name: str, tmp_path: Path) -> None:
    done = dry_run(name, image(name, tmp_path), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", LOADERS)
def test_an_image_without_its_source_yml_says_so_in_one_sentence(name: str, tmp_path: Path) -> None:
    environment = image(name, tmp_path)
    (tmp_path / "opt/app/source.yml").unlink()
    done = dry_run(name, environment, tmp_path)
    assert done.returncode == 78
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["error"] == (
        f"{tmp_path}/opt/app/source.yml is missing: the defaults of this loader stand there; build its image again"
    )
