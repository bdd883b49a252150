"""What a host says of a deployment: its disks, its memory, Docker with its containers, and how units ended.

Shared by the status, the watch and the preflight, so that all three look at the same. Standard library only.
"""
