"""Count matrices as they come, told from their content."""
