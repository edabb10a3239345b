"""Who calls: what authentication found out, and all that the rest of the service knows of it."""

import msgspec

from cds_service.fhir.servers import FhirServer


class Caller(msgspec.Struct, frozen=True):
    """An EHR, or one organisation in it. No token, no user, no patient."""

    client: str = "anonymous"
    """The id of the client in the site's configuration, never what a token says of itself."""
    tenant: str = ""
    """The organisation for which a client of many organisations calls (CH-JWT-17)."""
    fhir_servers: tuple[FhirServer, ...] = ()
    """The FHIR servers which it may name (CH-SSRF-01)."""
    prefetch_aliases: dict[str, str] = {}
    """Our prefetch key, by the name that it sends it under, beside those of the settings (CH-TOL-19)."""
    launches: bool = False
    """Whether it can launch the SMART app, so that cards lead there."""
    shadow: bool = False
    """Shadow mode: what it is answered is computed and recorded, and sent without cards."""

    @property
    def site(self) -> str:
        """Client and tenant in one word, for reports."""
        return f"{self.client}/{self.tenant}" if self.tenant else self.client
