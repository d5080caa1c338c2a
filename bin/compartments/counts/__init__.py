"""Count matrices as they come, told from their content."""

STEPS = ["inspect_input", "read_counts"]
