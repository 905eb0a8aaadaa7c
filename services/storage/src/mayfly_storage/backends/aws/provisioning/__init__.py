"""What bucket and table should be like, how they differ from it, and how that is mended. Each part is idempotent."""
