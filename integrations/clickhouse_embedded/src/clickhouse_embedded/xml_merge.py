"""Merge ClickHouse XML configuration the way the server does: main file, then <dir>/*.xml in order."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, tostring

from defusedxml.ElementTree import ParseError, fromstring


class ConfigError(Exception):
    """A configuration file cannot be used; the message says which and why."""


def merge(into: Element, other: Element) -> None:
    """Merge the children of one element into another.

    Same-named elements are merged; ``replace="1"`` puts the new element in place of all the old ones,
    ``remove="1"`` takes them away. A leaf's text is overwritten, attributes tell elements of one name apart.
    """
    for child in other:
        attributes = {k: v for k, v in child.attrib.items() if k not in ("replace", "remove")}
        same = [e for e in into if e.tag == child.tag and e.attrib == attributes]
        if child.get("remove") or child.get("replace"):
            for old in same:
                into.remove(old)
            same = []
        if child.get("remove"):
            continue
        # a repeated leaf (<ip>, <query>) is a list in these files: it is added, not overwritten
        if not same or (len(child) == 0 and child.tag in ("ip", "host", "host_regexp", "query")):
            target = Element(child.tag, attributes)
            into.append(target)
        else:
            target = same[0]
        if len(child) == 0:
            for old in list(target):
                target.remove(old)
            target.text = child.text
        merge(target, child)


def load(base: str, directory: Path) -> Element:
    """Read ``directory/*.xml`` in name order on top of the XML text ``base``.

    Raises:
        ConfigError: a file is not XML, or uses an include the engine would not see.
    """
    root = fromstring(base)
    for path in sorted(directory.glob("*.xml")) if directory.is_dir() else []:
        try:
            tree = fromstring(path.read_text(encoding="utf-8"))
        except (ParseError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid XML: {error}. Correct the file.") from error
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}. Make it readable for uid 101.") from error
        for element in tree.iter():
            if any(k in element.attrib for k in ("incl", "from_env", "from_zk", "from_file")):
                raise ConfigError(
                    f"{path}: <{element.tag}> uses a substitution, which is not supported. Write the value."
                )
        merge(root, tree)
    return root


def to_text(root: Element) -> str:
    """Serialise a merged configuration."""
    return tostring(root, encoding="unicode")
