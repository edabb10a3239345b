"""What would change an answer: the rules are asked again with one thing, or two, changed in the record.

Only what the rules then answered is told. It is asked when somebody reads the trace, never while a card is made.
"""

from hooks.counterfactuals.change import Change, changes
from hooks.counterfactuals.prospects import Alternative, Prospect, nearest, prospects

__all__ = ["Alternative", "Change", "Prospect", "changes", "nearest", "prospects"]
