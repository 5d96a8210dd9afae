"""Human-readable output: terminal, pages, plots."""
