"""Which images of a host go: never one that a deployment needs, a container uses, or that is not ours."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.modules.run_module import run_module

DOCKER = """#!{python}
import json, pathlib, sys
state = pathlib.Path({state!r})
engine = json.loads(state.read_text())
words = sys.argv[1:]
images = engine["images"]
if words[:2] == ["image", "ls"]:
    assert "label=zakaz.image" in words
    print(*[i["id"] + " " + i["ref"] for i in images if i["ours"]], sep="\\n")
elif words[:2] == ["image", "inspect"]:
    for ref in words[4:]:
        print(json.dumps(next(i["layers"] for i in images if i["ref"] == ref)))
elif words[:2] == ["image", "rm"]:
    (found,) = [i for i in images if words[2] in (i["id"], i["ref"])]
    if found["used"]:
        sys.exit("conflict: container uses it")
    images.remove(found)
    state.write_text(json.dumps(engine))
elif words[:2] == ["network", "ls"]:
    print(*engine["networks"], sep="\\n")
elif words[0] == "ps":
    print(*range(len(engine["containers"])), sep="\\n")
elif words[0] == "inspect":
    print(*[c for c in engine["containers"] if c != "gone"], sep="\\n")
    sys.exit(1 if "gone" in engine["containers"] else 0)
elif words[:2] == ["system", "df"]:
    print("Images", "%.1fGB" % (len(images) / 10), "\\nContainers 5GB")
else:
    sys.exit("unknown: " + " ".join(words))
"""


class Engine:
    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "engine.json"
        self.images, self.networks, self.containers = [], ["zakaz"], []
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(DOCKER.format(python=sys.executable, state=str(self.state)))
        (folder / "bin" / "docker").chmod(0o755)
        self.deployment("zakaz")

    def image(self, ref: str, *, ours: bool = True, used: bool = False, layers: tuple[str, ...] = ("base",)) -> str:
        self.images.append(
            {"id": f"sha256:{len(self.images)}", "ref": ref, "ours": ours, "used": used, "layers": list(layers)}
        )
        return ref

    def deployment(self, name: str) -> Path:
        (self.folder / name).mkdir()
        return self.folder / name

    def history(self, name: str, *sets: list[str], event: str = "ended") -> None:
        with (self.folder / name / "history.jsonl").open("a") as file:
            for number, images in enumerate(sets):
                entry = {"event": event, "run": str(number), "images": dict(enumerate(images))}
                file.write(json.dumps(entry) + "\n")

    def prune(self, *current: str, check: bool = False, **options):
        self.state.write_text(
            json.dumps({"images": self.images, "networks": self.networks, "containers": self.containers})
        )
        return run_module(
            "superseded_images", check=check, deployment="zakaz", prefix="zakaz", current=list(current),
            history=str(self.folder / "zakaz" / "history.jsonl"), lock=str(self.folder / "zakaz-deploy.lock"),
            **options,
        )  # fmt: skip

    def left(self) -> list[str]:
        return [image["ref"] for image in json.loads(self.state.read_text())["images"]]


@pytest.fixture
def engine(tmp_path, monkeypatch) -> Engine:
    made = Engine(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    return made


def test_the_last_different_deployments_stay_and_what_was_before_goes(engine):
    for version in ("1", "2", "3", "4"):
        engine.image(f"zakaz/ad-network:{version}")
    engine.history(
        "zakaz", ["zakaz/ad-network:1"], ["zakaz/ad-network:2"], ["zakaz/ad-network:3"], ["zakaz/ad-network:3"]
    )
    predicted = engine.prune("zakaz/ad-network:4", check=True)
    assert len(engine.left()) == 4
    done = engine.prune("zakaz/ad-network:4")
    assert done["removed"] == predicted["removed"] == ["zakaz/ad-network:1", "zakaz/ad-network:2"]
    assert engine.left() == ["zakaz/ad-network:3", "zakaz/ad-network:4"]
    assert (done["changed"], done["freed_bytes"]) == (True, 200_000_000)
    engine.images = json.loads(engine.state.read_text())["images"]
    assert engine.prune("zakaz/ad-network:4")["changed"] is False


def test_a_deployment_that_is_run_again_forgets_no_earlier_one(engine):
    engine.image("zakaz/ad-network:1"), engine.image("zakaz/ad-network:2")
    engine.history("zakaz", ["zakaz/ad-network:1"], *[["zakaz/ad-network:2"]] * 5)
    assert engine.prune("zakaz/ad-network:2")["removed"] == []


def test_a_failed_run_counts_for_none(engine):
    for version in ("1", "2", "3"):
        engine.image(f"zakaz/ad-network:{version}")
    engine.history("zakaz", ["zakaz/ad-network:1"])
    engine.history("zakaz", ["zakaz/ad-network:2"], event="failed")
    assert engine.prune("zakaz/ad-network:3")["removed"] == ["zakaz/ad-network:2"]
    assert engine.prune("zakaz/ad-network:3", keep=1)["removed"] == ["zakaz/ad-network:1", "zakaz/ad-network:2"]


def test_only_ours_go_and_only_what_nothing_uses(engine):
    engine.image("<none>:<none>"), engine.image("<none>:<none>", used=True), engine.image("<none>:<none>", ours=False)
    (
        engine.image("shop/ad-network:1"),
        engine.image("zakaz/ad-network:1", used=True),
        engine.image("zakaz-proof/ad-network:1"),
    )
    engine.image("clickhouse/clickhouse-server:1", ours=False)
    done = engine.prune("zakaz/ad-network:2")
    assert (done["removed"], done["stages"]) == ([], 1)
    assert len(engine.left()) == 6


def test_the_base_of_what_is_kept_stays(engine):
    engine.image("zakaz/base:old", layers=("a",)), engine.image("zakaz/base:older", layers=("b",))
    engine.image("zakaz/base:now", layers=("c",))
    engine.image("zakaz/ad-network:1", layers=("a", "x")), engine.image("zakaz/ad-network:2", layers=("c", "x"))
    engine.history("zakaz", ["zakaz/ad-network:1"])
    assert engine.prune("zakaz/ad-network:2", others=["zakaz/base:now"])["removed"] == ["zakaz/base:older"]


def test_images_of_another_deployment_stay(engine):
    for version in ("1", "2", "3", "4", "5"):
        engine.image(f"zakaz/ad-network:{version}")
    engine.networks.append("second")
    folder = engine.deployment("second")
    engine.containers.append(f"second /data {folder}/clickhouse/config.d")
    engine.history("second", ["zakaz/ad-network:1"], ["zakaz/ad-network:2"], ["zakaz/ad-network:3"])
    # one that failed half-way runs what no history names
    (folder / "second-ad-network").write_text("exec docker run zakaz/ad-network:4 run\n")
    assert engine.prune("zakaz/ad-network:5")["removed"] == ["zakaz/ad-network:1"]


def test_a_container_that_ends_meanwhile_fails_nothing(engine):
    """As a loader's, whose run began by its timer."""
    engine.image("zakaz/ad-network:1"), engine.image("zakaz/ad-network:2")
    engine.networks.append("second")
    folder = engine.deployment("second")
    engine.containers += ["gone", f"second {folder}/clickhouse/config.d"]
    engine.history("second", ["zakaz/ad-network:1"])
    done = engine.prune("zakaz/ad-network:2")
    assert not done.get("failed"), done
    assert done["removed"] == []
    engine.containers = ["gone"]
    assert "second is not known" in engine.prune("zakaz/ad-network:2")["kept"]


@pytest.mark.parametrize("folder", ["", "/nowhere/second/clickhouse/config.d"])
def test_where_another_deployment_cannot_be_asked_only_stages_go(engine, folder):
    engine.image("zakaz/ad-network:1"), engine.image("<none>:<none>")
    engine.networks.append("second")
    engine.containers += [f"second {folder}"] if folder else []
    done = engine.prune("zakaz/ad-network:2")
    assert (done["removed"], done["stages"]) == ([], 1)
    assert "second" in done["kept"]


def test_nothing_goes_while_another_deployment_is_at_work(engine):
    engine.image("zakaz/ad-network:1"), engine.image("<none>:<none>")
    (engine.folder / "zakaz-deploy.lock").write_text("")
    (engine.folder / "second-deploy.lock").write_text("")
    done = engine.prune("zakaz/ad-network:2")
    assert (done["changed"], len(engine.left())) == (False, 2)
    assert "second-deploy.lock" in done["kept"]
    (engine.folder / "second-deploy.lock").unlink()
    assert engine.prune("zakaz/ad-network:2")["changed"]


def test_a_command_of_ours_that_no_run_has_replaced_yet_keeps_its_image(engine):
    engine.image("zakaz/ad-network:1")
    (engine.folder / "zakaz" / "zakaz-ad-network").write_text("zakaz/ad-network:1\n")
    assert engine.prune("zakaz/ad-network:2", keep=1)["removed"] == []
