"""The real ClickHouse engine (chDB) in one process, behind ClickHouse's HTTP interface."""
