"""What a caller can ask for: speak and keep, speak as a stream, pronounce."""
