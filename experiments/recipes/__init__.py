"""One file a published benchmark: the command, the score and training time to expect, and published scores."""
