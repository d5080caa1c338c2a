"""The five questions, answered in sentences."""
