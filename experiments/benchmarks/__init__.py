"""Programs that measure speed, memory and equality across devices."""
