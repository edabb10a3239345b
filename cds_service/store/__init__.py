"""What outlives a call: cards that were shown, what became of them, and tokens that were used. No patient data."""
