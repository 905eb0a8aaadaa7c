"""mayfly-sweeper: deletes what has expired, through storage, and tells what it did."""
