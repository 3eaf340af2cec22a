"""Pictures, accessibility and budgets of every page, in a real browser."""
