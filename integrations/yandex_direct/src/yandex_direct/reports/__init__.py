"""Reports: what is asked for, how it is waited for, and how its table is read."""
