"""Looks at a deployment every few minutes: measures it for Prometheus, and tells people what is wrong.

It notices what no failing unit shows: a loader that is no longer started, a drifted schema, an old backup.
"""
