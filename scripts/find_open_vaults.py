"""Refuse files of inventories in which values of the Vault lie open. Usage: find_open_vaults.py FILE…"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from callback.unready_inventory import open_file


def main(names: list[str]) -> int:
    """Print a sentence for each file that is not encrypted; return the exit code."""
    found = [sentence for name in names if Path(name).is_file() and (sentence := open_file(Path(name)))]
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
