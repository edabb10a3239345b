"""One module per rule, or per family of rules: criteria and what to say. `order.py` lists them all."""
