"""How fast it is: ratios of two things measured in turns in one run, because seconds say more about the machine."""
