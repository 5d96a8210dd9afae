"""One file per published benchmark: its command, expected score and training time, and published scores."""
