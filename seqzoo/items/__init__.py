"""Items: recommenders without a network, and histories as people type them."""
