"""A loader as small as one can be: the discounts of the simulator. `WRONG` names the rule it breaks on purpose."""

import os

__version__ = "0.1"
WRONG = os.environ.get("WRONG", "")
