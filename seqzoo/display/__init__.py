"""Output for people: terminal, pages, plots."""
