"""The table of settings, and what is refused."""

from pathlib import Path

import pytest

from cds_service.errors import SettingsError
from cds_service.fhir.servers import FhirServer
from cds_service.settings import TABLE, Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_environment({"PATH": "/bin", "NAM_CDS_PORT": " "}) == Settings()


def test_links_follow_the_port() -> None:
    assert Settings.from_environment({"NAM_CDS_PORT": "9000"}).public_url == "http://127.0.0.1:9000"
    both = {"NAM_CDS_PORT": "9000", "NAM_CDS_PUBLIC_URL": "https://cds.example.org/nam"}
    assert Settings.from_environment(both).public_url == "https://cds.example.org/nam"


def test_every_setting_is_documented() -> None:
    assert [setting.name for setting in TABLE] == list(Settings.__struct_fields__)
    for setting in TABLE:
        assert setting.variable == f"NAM_CDS_{setting.name.upper()}"
        assert setting.help.endswith(".")
        assert setting.type_name


def test_every_default_can_be_written_in_the_environment() -> None:
    environment = {setting.variable: setting.default_text for setting in TABLE}
    assert Settings.from_environment(environment) == Settings()


def test_all_types_are_read() -> None:
    settings = Settings.from_environment(
        {
            "NAM_CDS_HOST": "0.0.0.0",
            "NAM_CDS_PORT": "9000",
            "NAM_CDS_PROFILE": "lean",
            "NAM_CDS_FHIR_SERVERS": "https://EHR.example.org:443/fhir/r4/, http://127.0.0.1:18090/fhir;open",
            "NAM_CDS_UNSUPPORTED_SOURCES": "medicationStatements scores",
            "NAM_CDS_PREFETCH_ALIASES": "labs_nam=labs, problems=conditions",
            "NAM_CDS_OVERLAY": "/etc/site.yaml",
            "NAM_CDS_DEADLINE_SECONDS": "2.5",
            "NAM_CDS_STRICT": "Yes",
            "NAM_CDS_DEMO": "off",
        }
    )
    assert (settings.host, settings.port, settings.profile) == ("0.0.0.0", 9000, "lean")
    assert settings.fhir_servers == (
        FhirServer("https://ehr.example.org/fhir/r4"),
        FhirServer("http://127.0.0.1:18090/fhir", open=True),
    )
    assert settings.unsupported_sources == ("medicationStatements", "scores")
    assert settings.aliases == {"labs_nam": "labs", "problems": "conditions"}
    assert settings.overlay == Path("/etc/site.yaml")
    assert (settings.deadline_seconds, settings.strict, settings.demo) == (2.5, True, False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NAM_CDS_PORT", "eighty"),
        ("NAM_CDS_PORT", "0"),
        ("NAM_CDS_PORT", "65536"),
        ("NAM_CDS_PUBLIC_URL", "cds.example.org"),
        ("NAM_CDS_PUBLIC_URL", "https://cds.example.org/"),
        ("NAM_CDS_PROFILE", "medium"),
        ("NAM_CDS_FHIR_SERVERS", "ehr.example.org"),
        ("NAM_CDS_FHIR_SERVERS", "http://ehr.example.org/fhir"),
        ("NAM_CDS_FHIR_SERVERS", "https://ehr.example.org/fhir;closed"),
        ("NAM_CDS_UNSUPPORTED_SOURCES", "medicationStatements,medicationRequests"),
        ("NAM_CDS_PREFETCH_ALIASES", "labs"),
        ("NAM_CDS_PREFETCH_ALIASES", "=labs"),
        ("NAM_CDS_PREFETCH_ALIASES", "a=b=c"),
        ("NAM_CDS_DEADLINE_SECONDS", "-1"),
        ("NAM_CDS_DEADLINE_SECONDS", "nan"),
        ("NAM_CDS_MAX_BODY_BYTES", "0"),
        ("NAM_CDS_MAX_PAGES", "0"),
        ("NAM_CDS_MAX_RESPONSE_BYTES", "0"),
        ("NAM_CDS_CA_BUNDLE", "/nowhere/ca.pem"),
        ("NAM_CDS_WORKERS", "0"),
        ("NAM_CDS_THREADS", "0"),
        ("NAM_CDS_FHIR_CALLS", "0"),
        ("NAM_CDS_STRICT", "maybe"),
        ("NAM_CDS_LOG_LEVEL", "loud"),
        ("NAM_CDS_FHIR_SERVER", "https://ehr.example.org/fhir"),
    ],
)
def test_errors_name_the_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        Settings.from_environment({variable: value})
