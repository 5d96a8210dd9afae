"""Programs that compare models: memory, gradients, language models."""
