"""An EHR that misbehaves on purpose: checks for any CDS Hooks service (2.0.1), each a small declared unit.

`checks` has the vocabulary, one module a group has the checks, `run` carries them out, `report` tells the result.
Nothing in here knows this project's own service.
"""
