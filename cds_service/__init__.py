"""CDS Hooks and FHIR plumbing. No medicine in here: this package could serve any hook."""
