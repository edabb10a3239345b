"""Cards and traces in the terminal."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cds_service.facts import Table as FactTable
from cds_service.why import Group as RuleGroup
from cds_service.why import GroupId, Reason
from hooks.reasoning import Criterion

COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}
STANDINGS: dict[GroupId, tuple[str, str]] = {
    "speaks": ("●", "bold"),
    "cannot-tell": ("?", "yellow"),
    "between": ("◐", "cyan"),
    "nearly": ("◔", "cyan"),
    "silent": ("○", "dim"),
}
TRUTHS = {True: Text("yes", "green"), False: Text("no", "dim"), None: Text("unknown", "yellow")}


def console(*, stderr: bool = False) -> Console:
    """Standard output, or error; 100 columns where nobody looks, so that pipes and files read well."""
    found = Console(highlight=False, stderr=stderr)
    return found if found.is_terminal else Console(highlight=False, stderr=stderr, width=100)


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def cards(found: Iterable[Mapping[str, Any]]) -> RenderableType:
    """The cards of a response, as they came on the wire, from any service."""
    panels = [_card(card) for card in found]
    return Group(*panels) if panels else Text("No card: the service has nothing to say.", "bold")


def _card(card: Mapping[str, Any]) -> Panel:
    indicator = str(card.get("indicator", "info"))
    colour = COLOURS.get(indicator, "white")
    summary = (str(card.get("summary", "")), "bold")
    title = Text.assemble((f" {indicator.upper()} ", f"bold reverse {colour}"), "  ", summary)
    parts: list[RenderableType] = [title]
    if card.get("detail"):
        parts += ["", Markdown(str(card["detail"]), hyperlinks=False)]
    for suggestion in card.get("suggestions") or ():
        parts += ["", _suggestion(suggestion)]
    foot = [str((card.get("source") or {}).get("label", ""))]
    foot += [f"{link.get('label', '')}: {link.get('url', '')}" for link in card.get("links") or ()]
    reasons = [str(reason.get("display") or reason.get("code", "")) for reason in card.get("overrideReasons") or ()]
    foot += [f"Reasons to dismiss: {', '.join(reasons)}"] if reasons else []
    parts += ["", Text("\n".join(foot), "dim")]
    return Panel(Group(*parts), border_style=colour, padding=(0, 1))


def _suggestion(suggestion: Mapping[str, Any]) -> Text:
    recommended = " (recommended)" if suggestion.get("isRecommended") else ""
    text = Text(f"→ {suggestion.get('label', '')}{recommended}", "bold green")
    for action in suggestion.get("actions") or ():
        kind = (action.get("resource") or {}).get("resourceType") or action.get("resourceId", "")
        text.append(f"\n    {action.get('type', '')} {kind}: {action.get('description', '')}", "default")
    return text


def verdicts(found: Iterable[RuleGroup]) -> RenderableType:
    """Every rule with what would change its answer, and with its criteria."""
    parts: list[RenderableType] = []
    for group in found:
        if group.reasons:
            title = f"Why: {group.title.lower()} ({len(group.reasons)}). {group.says}"
            parts += [Rule(title, align="left", style="dim"), *(_reason(group.id, reason) for reason in group.reasons)]
    return Group(*parts)


def _reason(group: GroupId, reason: Reason) -> RenderableType:
    mark, style = STANDINGS[group]
    verdict = reason.verdict
    head = Text.assemble((f"{mark} {verdict.rule}", style), f"  {verdict.outcome}: {reason.summary}")
    head.append("".join(f"\n    with {change}: {outcome}" for change, outcome in reason.alternatives), "cyan")
    return Group(head, _criteria(verdict.criteria))


def _criteria(criteria: tuple[Criterion, ...]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(overflow="fold")
    _add(table, criteria, 2)
    return table


def _add(table: Table, criteria: tuple[Criterion, ...], depth: int) -> None:
    for criterion in criteria:
        found = (f"{criterion.value} {criterion.unit}".strip(), criterion.when, criterion.threshold)
        told = "; ".join(filter(None, (*found, _untold(criterion))))
        source = f"\n{criterion.source}" if told else criterion.source
        name = Padding(Text(criterion.name), (0, 0, 0, 2 * depth))
        table.add_row(name, TRUTHS[criterion.truth], Text.assemble(told, (source.rstrip("\n"), "dim")))
        _add(table, criterion.parts, depth + 1)


def _untold(criterion: Criterion) -> str:
    return criterion.between or (f"missing: {criterion.missing}" if criterion.missing else "")


def facts(tables: Iterable[FactTable]) -> RenderableType:
    """The facts as tables; those without rows as a line."""
    parts: list[RenderableType] = [Rule("The facts", align="left", style="dim")]
    for facts_ in tables:
        if not facts_.rows:
            parts.append(Text(f"{facts_.title}: {facts_.empty}", "dim"))
            continue
        table = Table(title=facts_.title, title_justify="left", header_style="bold", expand=False)
        for column in facts_.columns:
            table.add_column(column, overflow="fold")
        for row in facts_.rows:
            table.add_row(*map(Text, row))
        parts.append(table)
    return Group(*parts)
