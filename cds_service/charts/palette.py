"""The colours of charts, by what they mean: as values for a file, as variables of the style sheet for a page.

The colour-blind safe palette of Okabe and Ito; shapes, dashes and labels say the same as each colour.
"""

COLOURS = {
    "paper": "#ffffff",
    "ink": "#1b2731",
    "quiet": "#56656e",
    "grid": "#dde4e8",
    "ck": "#0072b2",
    "strength": "#c04f00",
    "drug": "#8a4f7d",
    "steroid": "#a06a00",
    "normal": "#009e73",
    "future": "#eef2f5",
    "mark": "#b3202c",
}
"""By role; each value occurs once, so that it tells its role."""


def variable(role: str) -> str:
    """How a page writes a colour: what the style sheet says, or else the value."""
    return f"var(--chart-{role}, {COLOURS[role]})"
