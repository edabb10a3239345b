"""`nam-cds selftest`: a record system that misbehaves on purpose, for any CDS Hooks service."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.progress import Progress

from cds_service.cli.bundles import patient_in, resources_in
from cds_service.cli.call import more_context
from cds_service.cli.http import Failure
from cds_service.cli.services import discovery_url
from cds_service.cli.terminal import console, print_json
from cds_service.demo.search import Resources
from cds_service.selftest import fhir
from cds_service.selftest.checks import Unmet
from cds_service.selftest.ehr import Ehr, Options
from cds_service.selftest.listener import Listener
from cds_service.selftest.report import SEVERITIES, as_json, failures, junit, terminal
from cds_service.selftest.run import CHECKS, Result, run
from cds_service.selftest.samples import BUILT_IN, PATIENT, Sample
from cds_service.selftest.tokens import Signer, read_key, usual_algorithm
from cds_service.selftest.wire import Unreachable, Wire

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  nam-cds selftest http://127.0.0.1:8080
  nam-cds selftest http://127.0.0.1:8080/cds-services --service nam-patient-view --no-feedback --junit selftest.xml
  nam-cds selftest --list
\b
Exit codes: 0 every MUST that could be checked is met (see --fail-on), 1 not, or no answer, 2 wrong usage.
"""
)
@click.argument("url", required=False)
@click.option("--list", "listing", is_flag=True, help="List the checks, and do nothing.")
@click.option("--service", "services", multiple=True, metavar="ID", help="Only this service; may be repeated.")
@click.option(
    "--check", "names", multiple=True, metavar="NAME", help="Only checks of this name or CH- id; may be repeated."
)
@click.option("--patient-bundle", type=_FILE, help="A Bundle with a patient the service has something to say of.")
@click.option("--patient", "patient_id", help="Which patient of the Bundle, if it holds several.")
@click.option("--context", "context_file", type=_FILE, help="A JSON file with more members of the hook's context.")
@click.option("--feedback/--no-feedback", default=True, help="Send feedback, on invented and on shown cards.")
@click.option("--cors/--no-cors", default=True, help="Ask as a browser does.")
@click.option("--origin", default=Options().origin, show_default=True, help="The web page that calls.")
@click.option(
    "--fhir-listen", metavar="HOST:PORT", help="Be a FHIR server there (…/fhir), for the service to read from."
)
@click.option("--expect-auth", is_flag=True, help="The service wants tokens; without --key only refusals are checked.")
@click.option("--key", "key_file", type=_FILE, help="Private key (PEM) of a client that the service knows.")
@click.option("--issuer", help="That client's `iss`.")
@click.option("--kid", default="", help="The key's `kid`.")
@click.option("--jku", default="", help="The client's `jku`, if its keys are fetched.")
@click.option("--tenant", default="", help="The client's `tenant`, if it has any.")
@click.option("--algorithm", default="", help="Default: what fits the key (ES384, RS384).")
@click.option("--public-url", default="", help="The base that the service expects in `aud`, if it is called elsewhere.")
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=20.0, show_default=True, help="Seconds for an answer."
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="error",
    show_default=True,
    help="Least severity for exit code 1.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML there.")
@click.option("--json", "is_json", is_flag=True, help="Print everything as JSON.")
@click.option("--verbose", is_flag=True, help="Show requests and answers in full.")
def command(
    url: str | None,
    *,
    listing: bool,
    services: tuple[str, ...],
    names: tuple[str, ...],
    patient_bundle: Path | None,
    patient_id: str | None,
    context_file: Path | None,
    feedback: bool,
    cors: bool,
    origin: str,
    fhir_listen: str | None,
    expect_auth: bool,
    key_file: Path | None,
    issuer: str | None,
    kid: str,
    jku: str,
    tenant: str,
    algorithm: str,
    public_url: str,
    timeout: float,
    fail_on: str,
    junit_file: Path | None,
    is_json: bool,
    verbose: bool,
) -> None:
    """Put the CDS Hooks server at URL to the test, as a record system that does everything wrong.

    MUST and SHOULD are requirements of CDS Hooks 2.0.1 (error, warning); REC is advice that real clients and security
    practice give. It reads, and it sends feedback, which --no-feedback leaves out; the patient is invented.
    """
    if listing:
        _print_list()
        return
    if url is None:
        raise click.UsageError("Missing argument 'URL'.")
    if not _is_web_address(url):
        raise click.UsageError(f"{url} is no web address; give it with http:// or https://.")
    checks = [check for check in CHECKS if not names or check.name in names or check.requirement in names]
    if not checks:
        raise click.UsageError("There is no such check; --list shows them.")
    sample = _sample(patient_bundle, patient_id, context_file)
    signer = _signer(key_file, issuer, kid=kid, jku=jku, tenant=tenant, algorithm=algorithm)
    options = Options(
        services=services,
        feedback=feedback,
        cors=cors,
        origin=origin,
        expect_auth=expect_auth,
        public_url=public_url,
    )
    address = discovery_url(url)
    with ExitStack() as stack:
        listener = _listener(fhir_listen, sample)
        if listener:
            stack.callback(listener.close)
        ehr = Ehr(address, Wire(timeout), sample, options=options, signer=signer, fhir=listener)
        progress = stack.enter_context(Progress(console=console(stderr=True), transient=True))
        task = progress.add_task("Checking", total=None)

        def told(result: Result) -> None:
            progress.update(task, advance=1, description=result.check.name)

        results = _run(ehr, checks, told)
    if junit_file:
        junit_file.write_bytes(junit(address, results))
    if is_json:
        print_json(as_json(address, results))
    else:
        console().print(terminal(address, results, verbose=verbose))
    grave = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    if any(result.severity in grave for result in failures(results)):
        raise SystemExit(1)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _print_list() -> None:
    for check in CHECKS:
        click.echo(f"{check.requirement:12} {check.level:6} {check.name:32} {check.sends}; expected: {check.expects}")


def _run(ehr: Ehr, checks: list[Any], told: Any) -> list[Result]:
    try:
        return run(ehr, checks, told)
    except Unmet as unmet:
        remedy = "Is the address right, and is it running?"
        if unmet.exchange and unmet.exchange.status == 401:
            remedy = "Discovery wants a token: give --key and --issuer."
        raise Failure(f"{ehr.discovery_url}: {unmet.problem}.", remedy) from None
    except Unreachable as unreachable:
        raise Failure(
            f"{ehr.discovery_url} stopped answering: {unreachable}.", "The checks were ended there."
        ) from None


def _sample(bundle: Path | None, patient_id: str | None, context_file: Path | None) -> Sample:
    context = more_context(context_file)
    if bundle is None:
        return Sample(PATIENT, BUILT_IN, context)
    try:
        content = json.loads(bundle.read_bytes())
    except ValueError:
        raise Failure(f"{bundle} is not JSON.") from None
    if not isinstance(content, dict):
        raise Failure(f"{bundle} is not a Bundle.")
    resources = resources_in(content)
    return Sample(patient_in(Resources(resources), patient_id), resources, context)


def _signer(
    key_file: Path | None, issuer: str | None, *, kid: str, jku: str, tenant: str, algorithm: str
) -> Signer | None:
    if key_file is None:
        if issuer or kid or jku or tenant or algorithm:
            raise click.UsageError("A token needs --key.")
        return None
    if not issuer or not kid:
        raise click.UsageError("--key needs --issuer and --kid.")
    try:
        key = read_key(key_file)
    except ValueError as error:
        raise Failure(f"{key_file}: {error}.") from None
    return Signer(key, algorithm or usual_algorithm(key), kid, issuer, jku, tenant)


def _listener(address: str | None, sample: Sample) -> Listener | None:
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise click.UsageError("--fhir-listen is written HOST:PORT, such as 127.0.0.1:8099.")
    try:
        return Listener(host or "127.0.0.1", int(port), fhir.serving(sample))
    except OSError as error:
        raise Failure(f"Cannot listen on {address}: {error.strerror or error}.", "Choose another port.") from None
