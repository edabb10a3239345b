"""`nam-cds check-knowledge`: is everything that the rules stand on whole and consistent?"""

from pathlib import Path

import click

from cds_service.cli.http import Failure
from cds_service.cli.options import today
from hooks.knowledge import KnowledgeError, load
from hooks.knowledge.checks import check, past_review, threshold_keys


@click.command(
    epilog="""\b
Examples:
  nam-cds check-knowledge
  nam-cds check-knowledge --overlay site.yaml
"""
)
@click.option(
    "--overlay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The site's own thresholds and codes, to be checked along.",
)
def command(overlay: Path | None) -> None:
    """Load and check all rules, thresholds, value sets and citations. Errors name the file and the key."""
    try:
        knowledge = load(overlay)
    except KnowledgeError as error:
        raise Failure(str(error)) from None
    problems = check(knowledge)
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    for reminder in past_review(knowledge, today()):
        click.echo(f"warning: {reminder}", err=True)
    if problems:
        raise Failure(f"{len(problems)} errors in the knowledge.")
    codes = sum(len(codes) for one in knowledge.value_sets.values() for codes in one.codes.values())
    click.echo(
        f"{len(knowledge.rules)} rules, {sum(1 for _ in threshold_keys(knowledge))} thresholds, "
        f"{len(knowledge.value_sets)} value sets with {codes} codes, {len(knowledge.citations)} citations: all is well "
        f"(version {knowledge.version})."
    )
    for change in knowledge.overlay:
        before = f"{change.before} → " if change.before else "+ "
        click.echo(f"  site: {change.key}: {before}{change.after} ({change.reason})")
