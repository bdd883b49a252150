"""Ansible puts module_utils of the repository beside its own; so do tests that import a module."""

import ansible.module_utils as utilities

from tests.makefile import REPOSITORY

utilities.__path__.append(str(REPOSITORY / "module_utils"))
