"""What the app asks leave to read: the types that its queries name, of the one patient, and nothing else.

Types are not narrowed further by search parameters: laboratory results are asked for by more codes than belong into a
scope, and whoever may read these may read all Observations.
"""

from collections.abc import Iterable

from cds_service.registry import PrefetchTemplate

LAUNCH = "launch"
"""The patient of the chart from which the app is opened."""


def scopes(templates: Iterable[PrefetchTemplate], *, granular: bool, more: Iterable[str] = ()) -> str:
    """The scopes for these queries, as one text. `granular`: in the syntax of SMART 2, else in that of SMART 1.

    A type that is searched is also read (`rs`): servers must know the two together. One that only references lead to
    is read.
    """
    searched = {template.query.partition("?")[0]: "rs" for template in templates if "?" in template.query}
    types = dict.fromkeys(type_ for template in templates for type_ in template.resource_types)
    read = [f"patient/{type_}.{searched.get(type_, 'r') if granular else 'read'}" for type_ in types]
    return " ".join(dict.fromkeys((LAUNCH, *read, *more)))
