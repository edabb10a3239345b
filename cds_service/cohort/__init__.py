"""Many patients at once: an export in, cards, a worklist and counts out. The same rules, facts and words."""
