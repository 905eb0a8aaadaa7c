"""The words of speech: texts, sentences, voices, timings. The standard library only."""
