"""What this service knows of FHIR R4: dates, references, bundles, typed read-only views, and a client."""
