"""StorageService and RetentionService on the wire: parse, call, convert."""
