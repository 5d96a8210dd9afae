"""Music datasets: chorales of music21, MIDI files, JSON piano rolls."""
