"""Code that depends on Keras's backend: gradients, compiled functions, several devices."""
