"""The garbage collector, told what this program is: many short-lived records without cycles."""

import gc

_YOUNG = 50_000


def quiet_collector() -> None:
    """Look for cycles seldom, and never among what was imported. A fifth of a load's time goes into it otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
