"""The way in: protobuf to domain and back, and the table of errors."""
