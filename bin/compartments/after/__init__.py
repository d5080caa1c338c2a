"""After the run: what is asked of its published results."""
