"""How long a pass of playbooks/site.yml takes over a host that has nothing to do, beside another commit in turn.

Each commit passes over the host twice in each round: the first time unmeasured, since it may write what the other wrote
differently; the second time it must change nothing. Deploys the inventory's host, if it is not deployed yet. Backups of
it name the commit "bench" until the next make deploy.

Two commits whose schemas refuse each other cannot take turns on one deployment: --apart gives each commit a deployment
of its own in each round and removes it with its data, in the inventory ci, whose data nobody keeps. What Docker keeps
of builds is deleted before each, so that the first pass is measured too: nothing of the images is there then.

Run from the repository root, on a quiet machine:

    .venv/bin/python bench/second_pass.py [--against COMMIT [--apart]] [--rounds 3] [--inventory local]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]


def play(tree: Path, inventory: str, name: str, *arguments: str) -> tuple[float, str]:
    """Run a playbook of a checkout on the inventory's host.

    :returns: seconds, and the line of counts
    :raises SystemExit: the playbook fails
    """
    began = time.monotonic()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("ansible-playbook")), "-i", f"inventories/{inventory}"),
            *(f"playbooks/{name}.yml", *arguments),
        ],
        cwd=tree,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.monotonic() - began, done.stdout.splitlines()[-1]


def deploy(tree: Path, inventory: str) -> tuple[float, str]:
    """Pass over the inventory's host with the playbook of a checkout."""
    # the settings of backups name the commit: both are to write the same
    return play(tree, inventory, "site", "-e", "backup_commit=bench")


def forget_builds() -> None:
    """Delete the layers that builds would take instead of making them; removing a deployment removes its images."""
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], check=True, capture_output=True)


def main() -> None:
    """Print each pass, the medians and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", metavar="COMMIT", help="measure this commit in turn with the checkout")
    parser.add_argument("--apart", action="store_true", help="a deployment of its own for each commit and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inventory", default="local")
    options = parser.parse_args()
    if options.apart:
        options.inventory = "ci"
    with tempfile.TemporaryDirectory() as folder:
        trees = {"checkout": ROOT}
        if options.against:
            trees[options.against] = Path(folder) / "tree"
            add = ["git", "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(trees[options.against])]
            subprocess.run([*add, options.against], check=True)
        first: dict[str, list[float]] = {name: [] for name in trees}
        seconds: dict[str, list[float]] = {name: [] for name in trees}
        try:
            for _ in range(options.rounds):
                for name, tree in trees.items():
                    if options.apart:
                        forget_builds()
                    cold, _ = deploy(tree, options.inventory)
                    first[name].append(cold)
                    took, counts = deploy(tree, options.inventory)
                    print(f"{name}: first {cold:.1f} s, second {took:.1f} s, {counts}", flush=True)
                    if " changed=0 " not in counts:
                        raise SystemExit("A second pass changed something.")
                    seconds[name].append(took)
                    if options.apart:
                        play(tree, options.inventory, "remove", "-e", "remove_data=true")
        finally:
            if options.against:
                remove = ["git", "-C", str(ROOT), "worktree", "remove", "--force", str(trees[options.against])]
                subprocess.run(remove, check=True)
    for kind, measured in (("first", first), ("second", seconds)) if options.apart else (("second", seconds),):
        medians = {name: median(values) for name, values in measured.items()}
        for name, value in medians.items():
            print(
                f"median of {name}, {kind} pass: {value:.1f} s, {value / medians['checkout']:.2f} times the checkout's"
            )


if __name__ == "__main__":
    main()
