"""What people look at: terminal output, pages, plots."""
