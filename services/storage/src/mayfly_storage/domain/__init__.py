"""What storage is about, in the standard library alone: no gRPC, no protobuf, no I/O."""
