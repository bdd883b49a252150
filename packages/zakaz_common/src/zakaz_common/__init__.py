"""What every loader of the warehouse needs, once.

Settings, HTTP, the ClickHouse sink and the run contract.
"""

__version__ = "1.0.0"
