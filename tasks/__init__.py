"""The tasks, one file each. Imported as ``seqzoo.tasks``."""
