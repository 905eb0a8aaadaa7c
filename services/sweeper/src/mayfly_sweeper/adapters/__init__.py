"""The way to storage: `Retention` over gRPC."""
