"""Trained runs, for programs that do not use this package: a server."""
