"""The warehouse's schema as data: read, compared, planned, applied, checked.

Importable on a target as ``ansible.module_utils.zakaz_schema`` and, with
``module_utils`` on ``sys.path``, as ``zakaz_schema``.
"""
