"""gRPC in front of the use cases: parse, call, convert."""
