"""Music: scores, MIDI files, encodings."""
