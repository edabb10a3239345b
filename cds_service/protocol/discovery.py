"""The answer to `GET /cds-services` (CH-DISC)."""

from collections.abc import Iterable

import msgspec

from cds_service.registry import CdsService, PrefetchTemplate


class _Service(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    hook: str
    id: str
    title: str
    description: str
    prefetch: dict[str, str] = {}
    usage_requirements: str = ""


class _Services(msgspec.Struct, frozen=True):
    services: tuple[_Service, ...]


def discovery(services: Iterable[CdsService], profile: str, unsupported: Iterable[str] = ()) -> bytes:
    """The discovery answer as JSON, the same bytes for the same services (CH-DISC-19)."""
    absent = frozenset(unsupported)
    return msgspec.json.encode(
        _Services(
            tuple(
                _Service(
                    hook=service.hook,
                    id=service.id,
                    title=service.title,
                    description=service.description,
                    prefetch={
                        template.key: template.query
                        for template in published(service, profile)
                        if template.key not in absent
                    },
                    usage_requirements=service.usage_requirements,
                )
                for service in services
            )
        )
    )


def published(service: CdsService, profile: str) -> tuple[PrefetchTemplate, ...]:
    """The templates of a profile: all of them, or those of the gate."""
    return tuple(t for t in service.prefetch if profile == "full" or t.stage == "gate")
