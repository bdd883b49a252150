"""Backups of a deployment: taken, proved by a restore, kept, and restored. Runs on the deployment's host."""
