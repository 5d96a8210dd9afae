"""Families of tasks: code shared by tasks of one kind, such as all tasks that label a whole sequence."""
