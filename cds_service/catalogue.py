"""The services that are offered, checked when they are registered."""

import re
from collections.abc import Iterable

from cds_service.errors import CatalogueError, HookMismatch, UnknownService
from cds_service.protocol.hooks import HOOKS, OWN_NAME, STANDARD_NAME, Hook
from cds_service.protocol.templates import lint
from cds_service.registry import CdsService

_ID = re.compile(r"[A-Za-z0-9._~-]+")


class Catalogue:
    """Services by id. One id may serve several hooks (CH-DISC-10). Raises CatalogueError."""

    def __init__(self, services: Iterable[CdsService], hooks: dict[str, Hook] | None = None) -> None:
        self.services = tuple(services)
        self._by_id: dict[str, dict[str, CdsService]] = {}
        known = HOOKS | (hooks or {})
        for name in set(known) - set(HOOKS):
            if not OWN_NAME.fullmatch(name):
                raise CatalogueError(f"hook {name}: CH-HOOK-01: a hook of one's own needs a reverse-DNS name")
        for service in self.services:
            complaints = _complaints(service, known)
            if service.hook in self._by_id.get(service.id, {}):
                complaints.append("CH-DISC-10: it is registered twice for the hook")
            if complaints:
                raise CatalogueError(f"service {service.id} ({service.hook}): {'; '.join(complaints)}")
            self._by_id.setdefault(service.id, {})[service.hook] = service

    def find(self, id_: str, hook: str | None) -> CdsService:
        """The service for a call. `hook` None: not known yet. Raises UnknownService or HookMismatch."""
        by_hook = self._by_id.get(id_)
        if by_hook is None:
            raise UnknownService(
                "There is no service at this address.",
                remedy="GET /cds-services lists the services there are.",
            )
        if len(by_hook) == 1 or hook is None:
            return next(iter(by_hook.values()))
        if hook not in by_hook:
            raise HookMismatch(
                f"The service {id_} is not for this hook.",
                "hook",
                f"It is for: {', '.join(sorted(by_hook))}.",
            )
        return by_hook[hook]

    def shared(self, id_: str) -> bool:
        """Whether the id serves several hooks."""
        return len(self._by_id.get(id_, {})) > 1


def _complaints(service: CdsService, hooks: dict[str, Hook]) -> list[str]:
    if not STANDARD_NAME.fullmatch(service.hook) and not OWN_NAME.fullmatch(service.hook):
        return ["CH-HOOK-01: the hook's name is neither a standard one nor reverse-DNS"]
    hook = hooks.get(service.hook)
    if hook is None:
        return ["CH-HOOK-03: the hook has no definition"]
    complaints = [
        f"CH-DISC-0{number}: {name} is empty"
        for number, name, value in ((7, "title", service.title), (5, "description", service.description))
        if not value.strip()
    ]
    if not _ID.fullmatch(service.id):
        complaints.append("CH-DISC-06: the id needs URL encoding")
    if len({template.key for template in service.prefetch}) < len(service.prefetch):
        complaints.append("a prefetch key is repeated")
    for template in service.prefetch:
        found = lint(template.key, template.query, hook, required=template.required)
        complaints += [f"prefetch {template.key}: {complaint}" for complaint in found]
    return complaints
