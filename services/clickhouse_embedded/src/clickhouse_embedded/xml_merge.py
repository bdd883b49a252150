"""Merge ClickHouse XML configuration the way the server does: main file, then <dir>/*.xml in order."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from defusedxml.ElementTree import ParseError, fromstring

# Repeated leaves that are lists in these files: added, not overwritten.
_LISTS = ("ip", "host", "host_regexp", "query")


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
            if child.get("remove"):
                continue
            same = []
        target = same[0] if same and child.tag not in _LISTS else SubElement(into, child.tag, attributes)
        if len(child) == 0:
            target[:] = []
            target.text = child.text
        merge(target, child)


def load(base: str, directory: Path) -> Element:
    """Read ``directory/*.xml`` in name order on top of the XML text ``base``.

    Raises:
        ConfigError: a file is not XML, or uses an include the engine would not see.
    """
    root = fromstring(base)
    for path in sorted(directory.glob("*.xml")):
        try:
            tree = fromstring(path.read_bytes())
        except (ParseError, ValueError) as error:
            raise ConfigError(f"{path} is not valid XML: {error}. Correct the file.") from error
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}. Make it readable for uid 101.") from error
        for element in tree.iter():
            if element.attrib.keys() & {"incl", "from_env", "from_zk", "from_file"}:
                text = f"{path}: <{element.tag}> uses a substitution, which is not supported. Write the value."
                raise ConfigError(text)
        merge(root, tree)
    return root
