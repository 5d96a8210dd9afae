"""Families of tasks: what tasks of one kind share, such as all that put a label on a whole sequence."""
