"""Tasks as a user would add them, one file each: the contract tests cover them once they are imported."""
