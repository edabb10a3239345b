"""The timelines of the fixture patients, as for the tests of what is drawn."""

from tests.hooks.timeline.conftest import drawn_story

__all__ = ["drawn_story"]
