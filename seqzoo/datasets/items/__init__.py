"""Histories of items: what each user bought, heard or watched, in order; for recommendation."""
