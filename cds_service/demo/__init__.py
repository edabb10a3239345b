"""The demonstration: the fixture patients behind a small FHIR server of our own, for `nam-cds serve --demo`."""

import msgspec

from cds_service.fhir.servers import FhirServer
from cds_service.settings import Settings

FHIR_PATH = "/fhir"


def with_own_fhir_server(settings: Settings) -> Settings:
    """The settings with the demonstration's own FHIR base on the allow-list, as an open server."""
    bases = (
        settings.public_url + FHIR_PATH,
        f"http://127.0.0.1:{settings.port}{FHIR_PATH}",
        f"http://localhost:{settings.port}{FHIR_PATH}",
    )
    own = tuple(FhirServer(base, open=True, private=True) for base in dict.fromkeys(bases))
    kept = tuple(server for server in settings.fhir_servers if server.base not in bases)
    return msgspec.structs.replace(settings, fhir_servers=(*kept, *own))
