"""The settings: one table, which the environment, `--help` and the documentation all come from.

Each field of `Settings` is a row: its name, type, default and help. The environment variable of `max_pages` is
`NAM_CDS_MAX_PAGES`.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from cds_service.errors import SettingsError
from cds_service.fhir.servers import FhirServer

PREFIX = "NAM_CDS_"
ANYBODY = "anybody-who-reaches-this-service-may-call-it"
"""What an operator has to write out to have other machines call without a token."""
DEFAULT_DATABASE = "sqlite:///nam-cds.sqlite"
_DATABASE = re.compile(r"(memory$|sqlite:///.|postgres(ql)?(\+psycopg)?://)")
MEDICATION_LISTS = frozenset({"medicationStatements", "medicationRequests"})
"""At least one of these has to be readable: without any list of drugs nothing can be said."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this installation runs."""

    host: Annotated[str, "Address to listen on. Others than loopback need clients."] = "127.0.0.1"
    port: Annotated[int, "Port to listen on (1 to 65535)."] = 8080
    public_url: Annotated[
        str,
        "Where clients and clinicians reach this service; links on cards start with it. The default follows the port.",
    ] = "http://127.0.0.1:8080"
    clients: Annotated[
        Path | None, "The clients file (YAML): which EHRs may call, and with which keys. Without it, everybody may."
    ] = None
    unauthenticated: Annotated[
        Literal["no", "anybody-who-reaches-this-service-may-call-it"],
        "Without clients, only loopback may be listened on, unless this says so in so many words.",
    ] = "no"
    authenticate_discovery: Annotated[bool, "Ask for a token on discovery too, which shows no patient."] = False
    token_leeway_seconds: Annotated[float, "How far a client's clock may be off (0 to 300)."] = 60.0
    calls_per_minute: Annotated[
        int,
        "Most calls a minute of one client, or without clients of one address, in each worker; 0: no limit. "
        "The clients file can say otherwise for a client.",
    ] = 6000
    profile: Annotated[
        Literal["full", "lean"],
        "full: every prefetch template is published. lean: only those of the gate; the rest is fetched for the few "
        "patients who pass it.",
    ] = "full"
    fhir_servers: Annotated[
        tuple[FhirServer, ...],
        "FHIR servers that may be called: base URLs, separated by commas or blanks. Append ';private' to one whose "
        "host is in a private network, ';open' to one that takes calls without a token. Plain http is accepted for "
        "open ones and on loopback. With clients, theirs count instead.",
    ] = ()
    unsupported_sources: Annotated[
        tuple[str, ...],
        "Prefetch keys which the site's EHR does not have, such as medicationStatements: not published, not fetched, "
        "and named on cards as not checked.",
    ] = ()
    prefetch_aliases: Annotated[
        tuple[str, ...],
        "Prefetch keys that clients send under another name, as theirs=ours, such as labs_nam=labs.",
    ] = ()
    overlay: Annotated[Path | None, "The site's own thresholds and codes (a YAML file)."] = None
    deadline_seconds: Annotated[float, "Seconds a whole request may take, FHIR calls included."] = 8.0
    max_body_bytes: Annotated[int, "Largest request body, also after decompression."] = 16_000_000
    max_pages: Annotated[int, "Most pages read of one search."] = 10
    max_response_bytes: Annotated[int, "Most bytes read of one search, all pages together."] = 16_000_000
    ca_bundle: Annotated[Path | None, "File with the certificate authorities of FHIR servers (PEM)."] = None
    cors_origins: Annotated[
        tuple[str, ...],
        "Origins whose pages may call this service; ':*' stands for any port, '*' alone for everybody.",
    ] = ("https://sandbox.cds-hooks.org", "http://localhost:*", "http://127.0.0.1:*")
    database: Annotated[
        str,
        "Where shown cards and feedback are kept: sqlite:///FILE, postgresql://…, or memory, which ends with the "
        "process. Default: the file nam-cds.sqlite in the working directory; with --demo memory.",
    ] = ""
    hash_key: Annotated[
        Path | None,
        "File with the secret, 32 bytes or more, under which ids are hashed in the database. PostgreSQL needs it; "
        "beside an SQLite file it is made, readable by its owner alone.",
    ] = None
    retention_days: Annotated[int, "Days after which shown cards and feedback are deleted."] = 400
    keep_comments: Annotated[
        bool,
        "Keep what clinicians write as feedback, up to 10,000 characters; it may name patients. Otherwise it is only "
        "kept that they wrote.",
    ] = False
    workers: Annotated[int, "Processes that answer requests; one that dies is started anew."] = 1
    snooze_days: Annotated[
        int,
        "Days for which a card stays away after an override that means 'known, later', unless it has something new to "
        "say (0 to 90; 0: not at all).",
    ] = 14
    shadow: Annotated[
        bool,
        "Shadow mode: cards are computed and recorded, and none is sent, to nobody. The clients file has it for one "
        "client.",
    ] = False
    feedback_page: Annotated[
        Literal["auto", "on", "off"],
        "The page /feedback, with numbers by rule and site. auto: where only this machine can see it, and in the "
        "demonstration.",
    ] = "auto"
    console: Annotated[
        Literal["auto", "on", "off"],
        "The console: pages on which people try charts out, and answer cards. auto: in the demonstration only; "
        "on: also elsewhere, for the console_users.",
    ] = "auto"
    console_users: Annotated[
        Path | None,
        "File with those who may use the console, a line name:hash each, as `nam-cds console-password` prints them. "
        "Others than its owner and group must not be able to read it.",
    ] = None
    threads: Annotated[int, "Requests answered at once by each worker."] = 4
    fhir_calls: Annotated[
        int,
        "FHIR calls made at once by each worker. A request makes at most its part of them: their number, divided by "
        "that of the threads.",
    ] = 32
    demo: Annotated[bool, "Serve the fixture patients and a FHIR endpoint over them."] = False
    log_level: Annotated[Literal["debug", "info", "warning", "error"], "Least level that is logged."] = "info"
    audit_log: Annotated[
        Path, "Where the audit records go, one for each call: stderr (among the log lines), or a file."
    ] = Path("stderr")
    metrics: Annotated[
        Literal["loopback", "token", "off"],
        "Who may read /metrics: loopback (this machine, not through a proxy), token (whoever sends the bearer token of "
        "metrics_token), or off (nobody).",
    ] = "loopback"
    metrics_token: Annotated[Path | None, "File with the bearer token for /metrics."] = None
    strict: Annotated[
        bool,
        "Refuse with 400: a hookInstance that is no UUID, fhirAuthorization without fhirServer, an order hook "
        "without draftOrders or selections, and feedback that is not exactly as specified.",
    ] = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in `NAM_CDS_*` variables. Raises SettingsError, which names the variable.

        An empty variable counts as not set.
        """
        known = {setting.variable: setting for setting in TABLE}
        values: dict[str, Any] = {}
        for variable, text in environment.items():
            if not variable.startswith(PREFIX) or not text.strip():
                continue
            if variable not in known:
                raise SettingsError(f"{variable}: there is no such setting. Known: {', '.join(known)}")
            setting = known[variable]
            try:
                values[setting.name] = _parse(setting.type, text.strip())
            except ValueError as error:
                raise SettingsError(f"{variable}: {error}") from None
        if "port" in values:
            values.setdefault("public_url", f"http://127.0.0.1:{values['port']}")
        return cls(**values)

    def __post_init__(self) -> None:
        for name, wrong in (
            ("port", not 1 <= self.port <= 65535),
            ("public_url", not _is_base_url(self.public_url)),
            ("token_leeway_seconds", not 0 <= self.token_leeway_seconds <= 300),
            ("calls_per_minute", self.calls_per_minute < 0),
            ("deadline_seconds", not 0 < self.deadline_seconds <= 120),
            ("max_body_bytes", self.max_body_bytes < 1),
            ("max_pages", self.max_pages < 1),
            ("max_response_bytes", self.max_response_bytes < 1),
            ("workers", self.workers < 1),
            ("database", bool(self.database) and not _DATABASE.match(self.database)),
            ("snooze_days", not 0 <= self.snooze_days <= 90),
            ("retention_days", not 1 <= self.retention_days <= 36500),
            ("threads", self.threads < 1),
            ("fhir_calls", self.fhir_calls < 1),
        ):
            if wrong:
                raise SettingsError(f"{variable_of(name)}: the value cannot be used. {_help(name)}")
        if set(self.unsupported_sources) >= MEDICATION_LISTS:
            raise SettingsError(
                f"{variable_of('unsupported_sources')}: at least one of {', '.join(sorted(MEDICATION_LISTS))} must stay"
            )
        if any(alias.count("=") != 1 or not all(alias.split("=")) for alias in self.prefetch_aliases):
            raise SettingsError(f"{variable_of('prefetch_aliases')}: each is written theirs=ours")
        if self.database.startswith("postgres") and self.hash_key is None:
            raise SettingsError(f"{variable_of('hash_key')}: PostgreSQL needs it. {_help('hash_key')}")
        if (self.metrics == "token") != (self.metrics_token is not None):
            raise SettingsError(f"{variable_of('metrics_token')}: it is needed where {variable_of('metrics')} is token")
        if self.ca_bundle is not None and not self.ca_bundle.is_file():
            raise SettingsError(f"{variable_of('ca_bundle')}: there is no such file")

    @property
    def database_name(self) -> str:
        """The database, where it was not set too."""
        return self.database or ("memory" if self.demo else DEFAULT_DATABASE)

    @property
    def aliases(self) -> dict[str, str]:
        """Our prefetch key, by the name that clients send it under (CH-TOL-19)."""
        return dict(alias.split("=") for alias in self.prefetch_aliases)


class Setting(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    type: Any
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The environment variable."""
        return variable_of(self.name)

    @property
    def type_name(self) -> str:
        """The type in words, for documentation."""
        return _TYPE_NAMES.get(self.type) or " or ".join(map(str, get_args(self.type)))

    @property
    def default_text(self) -> str:
        """The default as one would write it in the environment."""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        return "" if self.default is None else str(self.default)


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _is_base_url(text: str) -> bool:
    return text.startswith(("http://", "https://")) and not text.endswith("/") and not set(text) & set("?# ")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _servers(text: str) -> tuple[FhirServer, ...]:
    return tuple(map(FhirServer.parse, _words(text)))


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("is not true or false")


_PARSERS: dict[Any, Callable[[str], Any]] = {
    bool: _flag,
    tuple[str, ...]: _words,
    tuple[FhirServer, ...]: _servers,
    Path: Path,
    Path | None: Path,
}
_TYPE_NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    tuple[str, ...]: "list",
    tuple[FhirServer, ...]: "list of FHIR base URLs",
    Path: "path",
    Path | None: "path",
}


def _parse(type_: Any, text: str) -> Any:
    if parser := _PARSERS.get(type_):
        return parser(text)
    if get_origin(type_) is Literal and text not in get_args(type_):
        raise ValueError(f"is not one of {', '.join(get_args(type_))}")
    try:
        return msgspec.convert(text, type_, strict=False)
    except msgspec.ValidationError:
        raise ValueError(f"is not a {_TYPE_NAMES[type_]}") from None


def _table() -> tuple[Setting, ...]:
    hints = get_type_hints(Settings, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(Settings):
        type_, help_ = get_args(hints[field.name])
        rows.append(Setting(field.name, type_, field.default, help_))
    return tuple(rows)


TABLE = _table()
"""Every setting, in the order in which they are documented."""


def _help(name: str) -> str:
    return next(setting.help for setting in TABLE if setting.name == name)
