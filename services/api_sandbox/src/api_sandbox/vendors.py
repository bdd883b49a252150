"""The vendors this service plays: every folder beside this file whose package has a ``VENDOR``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import api_sandbox
from api_sandbox.service.vendor import Vendor


def _found() -> Iterator[Vendor]:
    for module in sorted(iter_modules(api_sandbox.__path__), key=lambda one: one.name):
        if module.ispkg:
            vendor = getattr(import_module(f"api_sandbox.{module.name}"), "VENDOR", None)
            if isinstance(vendor, Vendor):
                yield vendor


VENDORS: tuple[Vendor, ...] = tuple(_found())
