"""`SweeperService` on the wire: parse, call, convert."""
