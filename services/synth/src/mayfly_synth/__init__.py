"""mayfly-synth: text into speech with Piper, spoken and encoded here, kept by storage."""
