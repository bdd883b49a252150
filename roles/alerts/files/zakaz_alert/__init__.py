"""Tells people what failed on this host: once an episode, and once more when it works again.

Standard library only: it must run when everything else is broken.
"""
