"""Storage on one machine: rows in SQLite, bytes in files, links signed and served by storage itself."""
