"""What a Dockerfile copies is what its build is given and what its program imports. No image is built here."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", sorted(name for name in FOLDERS if FOLDERS[name].parent.name == "integrations"))
def test_a_loader_finds_all_it_imports_in_its_image(name: str, tmp_path: Path) -> None:
    for source, target in copied(FOLDERS[name]):
        if target.startswith("/opt/app/"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / source, tmp_path / Path(target).name, ignore=ignored)
    done = subprocess.run(
        [sys.executable, "-m", name, "run", "--dry-run"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path), "LOADER_STATE_DIR": str(tmp_path / "state")},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
