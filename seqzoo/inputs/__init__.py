"""Inputs: from a value to arrays, and the Keras inputs that take them."""
