"""The one ClickHouse client: how it is asked, what its errors mean, how failures that pass are waited out.

Importable on a target as ``ansible.module_utils.zakaz_clickhouse`` and, with ``module_utils`` on ``sys.path`` or inside
an image or a zipapp, as ``zakaz_clickhouse``. Nothing but Python's own library is imported before a first question.
"""
