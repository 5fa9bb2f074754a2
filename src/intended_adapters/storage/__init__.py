"""Storage adapters: the SQLite file that is the default."""
