#!/usr/bin/env python3
"""Write zakaz_common/look_alikes.py: Latin and Greek letters that Unicode calls confusable with a Cyrillic one.

The source is Unicode's confusables.txt (UTS #39) as the package confusable-homoglyphs ships it. The table is made here
and committed, because keys of cities that are made with it stay in the warehouse: a new release of the package changes
them in a diff that somebody reads, and no loader parses a megabyte of JSON for eighty letters.

`--check` writes nothing and exits 1 when the table is not what it would be.
"""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from collections import defaultdict
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "packages/zakaz_common/src/zakaz_common/look_alikes.py"
PACKAGE = "confusable-homoglyphs"
# Russian first, so that of two look-alikes (у and ү for y) a Russian letter is meant; then other languages of the
# region. Letters out of use (ѵ for v) and letters of one small language (ԁ for d) are no reading of a city's name.
CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя" + "іїјғқңөүұһәў"
SCRIPTS = ("LATIN", "GREEK")
HEAD = '''\
"""Latin and Greek letters that look like a Cyrillic one, lower case to lower case.

Made by scripts/make_look_alikes.py, do not edit. From Unicode's confusables.txt (UTS #39; Unicode License V3,
https://www.unicode.org/license.txt) as {package} {version} (MIT) ships it. A letter is read as a capital first:
B is В, though b alone could be ь.
"""

LOOK_ALIKES = {{
'''


def classes() -> dict[str, frozenset[str]]:
    """Letter → all single letters that share its prototype, itself among them."""
    text = files("confusable_homoglyphs").joinpath("confusables.json").read_text(encoding="utf-8")
    pairs = {one: {other["c"] for other in others if len(other["c"]) == 1} for one, others in json.loads(text).items()}
    found: dict[str, frozenset[str]] = {}
    for start in pairs:
        if len(start) != 1 or start in found:
            continue
        reached, ahead = set(), {start}
        while ahead:
            letter = ahead.pop()
            reached.add(letter)
            ahead |= pairs.get(letter, set()) - reached
        found |= dict.fromkeys(reached, frozenset(reached))
    return found


def table() -> dict[str, str]:
    """Lower-case letter → lower-case Cyrillic letter that it, or its capital, looks like."""
    alike = classes()
    found: dict[str, str] = defaultdict(str)
    for letter in map(chr, range(sys.maxunicode + 1)):
        lower = letter.lower()
        known = unicodedata.category(letter)[0] == "L" and unicodedata.name(letter, "").startswith(SCRIPTS)
        # what NFKC or a decomposition makes another letter is folded before the table is asked
        if not known or len(lower) != 1 or unicodedata.normalize("NFKD", lower) != lower:
            continue
        is_capital = letter != lower
        for cyrillic in CYRILLIC:
            # a letter without case (a small capital) is compared with both
            shapes = {cyrillic.upper()} if is_capital else {cyrillic}
            if shapes & alike.get(letter, frozenset()):
                if is_capital or not found[lower]:
                    found[lower] = cyrillic
                break
    return {letter: found[letter] for letter in sorted(found) if found[letter]}


def module() -> str:
    """The text of the module."""
    lines = [f'    "{one}": "{other}",  # {unicodedata.name(one)}\n' for one, other in table().items()]
    return HEAD.format(package=PACKAGE, version=version(PACKAGE)) + "".join(lines) + "}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    made = module()
    if not parser.parse_args().check:
        TABLE.write_text(made, encoding="utf-8")
        return 0
    if TABLE.read_text(encoding="utf-8") == made:
        return 0
    print(f"{TABLE.name} is not what {PACKAGE} says; run scripts/make_look_alikes.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
