"""Generated datasets, which need no files and no download."""
