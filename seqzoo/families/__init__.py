"""Families of tasks: what tasks of one kind share, such as all that label a whole sequence."""
