"""The command line: `laurel run`, and each step of the main job on its own.

Exit 0 on success, 1 on a refusal with a sentence on stderr, 2 on wrong usage. With `--json` stdout holds one
object and nothing else.
"""

import getpass
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from psycopg import OperationalError as DriverError
from sqlalchemy.exc import OperationalError

from loyalty_core.kernel import Money, Refusal, Scope, Settings, _, configure_logs, new_id, ngettext, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.corrections import UndoPreview
    from loyalty_core.intake import GuessedFile

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
programme_commands = typer.Typer(no_args_is_help=True, help="Programmes and their versions.")
audit_commands = typer.Typer(no_args_is_help=True, help="The audit chain.")
user_commands = typer.Typer(no_args_is_help=True, help="People who sign in.")
app.add_typer(programme_commands, name="programme")
app.add_typer(audit_commands, name="audit")
app.add_typer(user_commands, name="user")
claims_commands = typer.Typer(no_args_is_help=True, help="Claims and what became of them.")
app.add_typer(claims_commands, name="claims")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ProgrammeCode = Annotated[str, typer.Option("--programme", help="The programme's code.")]


class DocumentNotReadableError(Refusal):
    """The programme document can't be opened."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            _("“{path}” can't be read: {cause}. Check the path and try again.").format(path=path, cause=cause)
        )
        self.path = path


class MappingOfOtherDatasetError(Refusal):
    """The mapping reads files of another dataset than the one that was named."""

    def __init__(self, mapping: str, own: str, dataset: str) -> None:
        super().__init__(
            _(
                "The mapping “{mapping}” reads {own}, not {dataset}. Name the dataset that the file holds."
            ).format(mapping=mapping, own=own, dataset=dataset)
        )
        self.mapping = mapping


class NoSuchImportOfClaimsError(Refusal):
    """No import of claims has the number."""

    def __init__(self, number: int) -> None:
        super().__init__(
            _(
                "There is no import of claims with the number {number}. `laurel import` says it when it is done."
            ).format(number=number)
        )
        self.number = number


class PasswordsDifferError(Refusal):
    """The password was typed differently the second time."""

    def __init__(self) -> None:
        super().__init__(_("The two passwords differ. Try again."))


AUTOMATIC = "auto"
"""The name that stands for the best guess of a mapping."""


def _understood(guessed: "GuessedFile") -> str:
    """Say what a guess took each column for, a line each."""
    from ui.column_titles import column_title

    titles = [column_title(one.column) for one in guessed.columns]
    width = max(map(len, titles))
    lines = [
        _("{column}  from “{header}” ({sure} sure)").format(
            column=title.ljust(width), header=one.header, sure=f"{one.confidence:.0%}"
        )
        for title, one in zip(titles, guessed.columns, strict=True)
    ]
    body = guessed.mapping
    lines.append(
        _("Dates as {dates}, decimal sign “{decimal}”, time zone {zone}, currency {currency}.").format(
            dates=", ".join(body.date_formats),
            decimal=body.decimal_separator,
            zone=body.time_zone,
            currency=body.currency or _("as the file says"),
        )
    )
    if guessed.unused:
        lines.append(_("Not used: {headers}.").format(headers=", ".join(guessed.unused)))
    return "\n".join(lines)


def _mapping_taken(guessed: "GuessedFile") -> dict[str, Any]:
    body = guessed.mapping
    return {
        "name": body.name,
        "columns": dict(body.columns),
        "confidence": {one.column: one.confidence for one in guessed.columns},
        "unused": list(guessed.unused),
        "date_formats": list(body.date_formats),
        "decimal_separator": body.decimal_separator,
        "thousands_separator": body.thousands_separator,
        "currency": body.currency,
        "time_zone": body.time_zone,
    }


def _answer(as_json: bool, values: dict[str, Any], sentence: str) -> None:
    typer.echo(json.dumps(values, ensure_ascii=False) if as_json else sentence)


def _progress() -> Callable[[str, int], None] | None:
    """Return what shows progress on one line of stderr, or None where nobody watches."""
    if not sys.stderr.isatty():
        return None

    def show(what: str, done: int) -> None:
        sys.stderr.write(f"\r\033[K{what} {done:,}")
        sys.stderr.flush()

    return show


@app.command()
def run(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8501,
    empty: Annotated[bool, typer.Option("--empty", help="Start without the demo.")] = False,
    scale: Annotated[
        float,
        typer.Option(help="How big the demo is made, at the first start: 10 is ten times.", min=0.1, max=100),
    ] = 1.0,
    certificate: Annotated[
        Path | None, typer.Option(help="Serve TLS with this certificate and its chain (PEM); needs --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's key (PEM).")] = None,
) -> None:
    """Start the database, the worker and the web server; stop them with Ctrl-C."""
    from laurel import supervisor
    from laurel.prepare import prepare

    if (certificate is None) != (key is None):
        raise typer.BadParameter(_("name both or neither"), param_hint="--certificate, --key")
    settings = Settings.from_environment()
    configure_logs()
    raise typer.Exit(
        supervisor.run(
            settings,
            host=host,
            port=port,
            tls=supervisor.Tls(certificate, key) if certificate is not None and key is not None else None,
            prepare=lambda owner_url: prepare(settings, owner_url, with_demo=not empty, scale=scale),
        )
    )


@programme_commands.command("apply")
def apply_programme(
    file: Annotated[Path, typer.Argument(help="The programme document (YAML).")], as_json: AsJson = False
) -> None:
    """Apply a programme document: a new version, only if it changed."""
    from laurel.workplace import open_workplace
    from loyalty_core import programmes

    try:
        data = file.read_bytes()
    except OSError as error:
        raise DocumentNotReadableError(file, (error.strerror or str(error)).lower()) from error
    document = programmes.document_text(data)
    with open_workplace(Settings.from_environment()) as place:
        applied = programmes.apply_programme(place.database, Scope.of_command_line(), document)
    _answer(
        as_json,
        {"programme": applied.code, "version": applied.version},
        (
            _("{code} is now at version {version}.")
            if applied.changed
            else _("{code} stays at version {version}.")
        ).format(code=applied.code, version=applied.version),
    )


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="The file to import.")],
    dataset: Annotated[str, typer.Option(help="What the file holds.")],
    mapping: Annotated[
        str,
        typer.Option(
            help="The name of a column mapping, a YAML file of one's own, or auto for the best guess."
        ),
    ],
    create_missing: Annotated[
        bool, typer.Option("--create-missing", help="Make unknown companies, regions and products.")
    ] = False,
    sheet: Annotated[
        list[str] | None, typer.Option(help="A sheet to read; may be given more than once.")
    ] = None,
    mode: Annotated[str, typer.Option(help="add, update (add and change what is there) or check.")] = "add",
    control_total: Annotated[
        str, typer.Option(help="What all amounts of the file come to, as in 1234.56.")
    ] = "",
    period_from: Annotated[str, typer.Option(help="The first day of the file, as in 2026-03-01.")] = "",
    period_to: Annotated[str, typer.Option(help="The last day of the file, as in 2026-03-31.")] = "",
    currency: Annotated[str, typer.Option(help="With --mapping auto: the currency of the amounts.")] = "",
    time_zone: Annotated[str, typer.Option(help="With --mapping auto: where the sales were made.")] = "",
    as_json: AsJson = False,
) -> None:
    """Import a file: parse, judge, check, and accept all of its good rows or none."""
    from laurel.registers import DATASETS
    from laurel.workplace import open_workplace
    from loyalty_core import intake

    if dataset not in DATASETS:
        raise intake.UnknownDatasetError(dataset, sorted(DATASETS))
    try:
        way = intake.ImportMode(mode)
    except ValueError as error:
        known = ", ".join(intake.ImportMode)
        raise typer.BadParameter(_("choose from {known}").format(known=known), param_hint="--mode") from error
    options = {
        "sheets": sheet,
        "control_total": control_total,
        "period_from": period_from,
        "period_to": period_to,
    }
    intake.checked_options(options)
    scope, show = Scope.of_command_line(), _progress()
    with open_workplace(Settings.from_environment()) as place:
        guessed, chosen = None, None
        if mapping != AUTOMATIC:
            chosen = intake.find_mapping(place.database, scope, mapping, dataset)
            if chosen.dataset != dataset:
                raise MappingOfOtherDatasetError(mapping, chosen.dataset, dataset)
        file_id = intake.receive_local_file(place.database, place.settings, scope, file)
        if chosen is None:
            guessed = intake.guess_file(
                place.database,
                place.settings,
                scope,
                file_id=file_id,
                columns=DATASETS[dataset].columns,
                sheet=sheet[0] if sheet else None,
                currency=currency.upper() or None,
                time_zone=time_zone or None,
            )
            chosen = guessed.mapping
            if not as_json:
                typer.echo(_understood(guessed))
        import_id = intake.resume_or_start_import(
            place.database,
            scope,
            file_id=file_id,
            mapping=chosen,
            datasets=DATASETS,
            creates_missing=create_missing,
            mode=way,
            options=options,
        )
        report = intake.run_import(
            place.database,
            place.settings,
            import_id,
            datasets=DATASETS,
            scope=scope,
            on_progress=(lambda phase, rows: show(phase.value, rows)) if show is not None else None,
        )
    found = report.found
    if found.state is intake.ImportState.REFUSED:
        raise Refusal(found.refusal)
    _answer(
        as_json,
        {
            "import": found.number,
            "status": found.state.value,
            "rows": found.rows,
            "accepted": found.accepted,
            "quarantined": found.quarantined,
            "duplicates": found.duplicates,
            "reasons": found.reasons,
            "seconds": float(found.seconds or 0),
            **({} if guessed is None else {"mapping": _mapping_taken(guessed)}),
        },
        _(
            "Import {number} is {status}: {rows} rows, {accepted} accepted, {quarantined} quarantined, "
            "{duplicates} there already."
        ).format(
            number=found.number,
            status=found.state.value,
            rows=f"{found.rows:,}",
            accepted=f"{found.accepted:,}",
            quarantined=f"{found.quarantined:,}",
            duplicates=f"{found.duplicates:,}",
        ),
    )
    if found.state not in (intake.ImportState.ACCEPTED, intake.ImportState.CHECKED):
        raise intake.ImportStoppedError(found, report.failed_checks)


@app.command("undo-import")
def undo_import(
    number: Annotated[int, typer.Argument(help="The import's number.", min=1)],
    reason: Annotated[str, typer.Option(help="Why it is undone; kept for good.")] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Only say what it would touch; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Undo an import: take back its lines with the points and claims that lean on them, or put master data back."""
    from laurel.workplace import open_workplace
    from loyalty_core import corrections, intake

    scope = Scope.of_command_line()
    with open_workplace(Settings.from_environment()) as place:
        with place.database.snapshot(scope) as connection:
            import_id = corrections.import_id_of_number(connection, number)
            if import_id is None:
                raise intake.UnknownImportError(number)
            shown = corrections.preview_undo(connection, scope, import_id)
        touched: dict[str, object] = {
            "import": number,
            "lines": shown.lines,
            "lines_kept": shown.lines_kept,
            "companies": shown.companies,
            "net_minor": dict(shown.net_minor),
            "claims_reopened": shown.claims_reopened,
            "claims_withdrawn": shown.claims_withdrawn,
            "points": {one.code: one.points for one in shown.points},
            "accounts_in_debt": shown.accounts_in_debt,
            "orders_on_points": shown.orders_on_points,
            "records": dict(shown.records.counts) if shown.records is not None else None,
        }
        sentence = _touched_in_words(shown)
        if preview:
            _answer(as_json, {**touched, "status": "accepted"}, sentence)
            return
        report = corrections.undo_import(
            place.database,
            scope,
            import_id,
            reason=reason,
            payload_hash=shown.payload_hash,
            request_key=new_id(),
        )
    _answer(
        as_json,
        {
            **touched,
            "status": "undone",
            "programmes_settled": report.programmes_settled,
            "unsettled": report.unsettled,
        },
        _("Import {number} is undone: {touched}").format(number=number, touched=sentence),
    )
    if report.unsettled is not None:
        raise Refusal(report.unsettled)


def _records_in_words(counts: "Mapping[str, int]") -> str:
    from loyalty_core.corrections import Outcome
    from ui.undo_words import in_words

    said = " ".join(
        in_words(one, counts[one.value], f"{counts[one.value]:,}") for one in Outcome if counts.get(one.value)
    )
    return said or _("The file added and changed nothing.")


def _touched_in_words(shown: "UndoPreview") -> str:
    if shown.records is not None:
        return _records_in_words(shown.records.counts)
    points = sum(one.points for one in shown.points)
    return _(
        "{lines}, {kept} by other imports; {reopened}, {withdrawn}; {points}; {debts}; {orders}."
    ).format(
        lines=ngettext("{n} line", "{n} lines", shown.lines).format(n=f"{shown.lines:,}"),
        kept=ngettext("{n} of them stays", "{n} of them stay", shown.lines_kept).format(
            n=f"{shown.lines_kept:,}"
        ),
        reopened=ngettext("{n} claim waits again", "{n} claims wait again", shown.claims_reopened).format(
            n=f"{shown.claims_reopened:,}"
        ),
        withdrawn=ngettext(
            "{n} claim is withdrawn", "{n} claims are withdrawn", shown.claims_withdrawn
        ).format(n=f"{shown.claims_withdrawn:,}"),
        points=ngettext("{n} point goes", "{n} points go", points).format(n=f"{points:,}"),
        debts=ngettext(
            "{n} account is below zero after it",
            "{n} accounts are below zero after it",
            shown.accounts_in_debt,
        ).format(n=f"{shown.accounts_in_debt:,}"),
        orders=ngettext(
            "{n} order was paid with such points",
            "{n} orders were paid with such points",
            shown.orders_on_points,
        ).format(n=f"{shown.orders_on_points:,}"),
    )


@app.command()
def settle(programme: ProgrammeCode, as_json: AsJson = False) -> None:
    """Score what came in since the last settlement and post the points."""
    from laurel.workplace import open_workplace
    from loyalty_core import settlement

    show = _progress()
    with open_workplace(Settings.from_environment()) as place:
        done = settlement.settle_programme(
            place.database,
            Scope.of_command_line(),
            programme,
            on_progress=(lambda scored, _total: show("lines", scored)) if show is not None else None,
        )
    _answer(
        as_json,
        {
            "programme": programme,
            "lines": done.lines,
            "awards": done.awards,
            "points": done.points,
            "postings": done.postings,
            "seconds": float(done.seconds),
        },
        _("{lines} lines gave {awards} awards of {points} points in {postings} postings.").format(
            lines=f"{done.lines:,}",
            awards=f"{done.awards:,}",
            points=f"{done.points:,}",
            postings=f"{done.postings:,}",
        ),
    )


@app.command()
def standings(
    programme: ProgrammeCode,
    by: Annotated[str, typer.Option(help="company or region")] = "company",
    top: Annotated[int, typer.Option(help="How many places.", min=1, max=1_000_000)] = 10,
    as_json: AsJson = False,
) -> None:
    """Show who stands where."""
    from laurel.workplace import open_workplace
    from loyalty_core import programmes
    from loyalty_core import standings as standings_of

    try:
        kind = standings_of.StandingsBy(by)
    except ValueError as error:
        raise typer.BadParameter(_("choose company or region"), param_hint="--by") from error
    scope = Scope.of_command_line()
    with open_workplace(Settings.from_environment()) as place, place.database.snapshot(scope) as connection:
        found = programmes.programme_by_code(connection, scope, programme)
        places = standings_of.standings(
            connection,
            programme_id=found.id,
            currency=found.currency,
            time_zone=found.time_zone,
            since=found.starts_on,
            until=found.ends_on,
            by=kind,
            limit=top,
        )
    _answer(
        as_json,
        {
            "standings": [
                {
                    "rank": place.rank,
                    "code": place.code,
                    "name": place.name,
                    "points": place.points,
                    "net_amount": str(place.net),
                }
                for place in places
            ]
        },
        "\n".join(
            f"{place.rank:>5}  {place.code:<12} {place.name:<40} {place.points:>12,} {_with_code(place.net):>20}"
            for place in places
        )
        or _("Nothing was sold in this programme yet."),
    )


def _with_code(money: Money) -> str:
    return f"{money} {money.currency}"


@app.command("check-books")
def check_books(as_json: AsJson = False) -> None:
    """Check all that must hold of sales, claims, awards, the ledger, budgets, orders, files and rights."""
    from laurel.books import books_of
    from laurel.workplace import open_workplace
    from loyalty_core import settlement

    with open_workplace(Settings.from_environment()) as place:
        checks = settlement.check_books(place.database, *books_of(place.settings))
    is_ok = all(check.ok for check in checks)
    _answer(
        as_json,
        {
            "ok": is_ok,
            "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks],
        },
        "\n".join(f"{'ok    ' if check.ok else 'BROKEN'} {check.name}: {check.detail}" for check in checks),
    )
    if not is_ok:
        raise typer.Exit(1)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, or an empty one.")],
    as_json: AsJson = False,
) -> None:
    """Write everything that must not be lost into a folder, while Laurel runs."""
    from laurel.backup import back_up
    from laurel.workplace import open_workplace

    with open_workplace(Settings.from_environment()) as place:
        made = back_up(place, folder)
    _answer(
        as_json,
        {"folder": str(folder), "revision": made.revision, "files": made.files, "bytes": made.size},
        (
            _(
                "{folder} holds the database, {files} files and the audit's key. Keep it where nobody else reads it."
            )
            if made.has_key
            else _(
                "{folder} holds the database and {files} files. The audit's key is yours to keep: LAUREL_AUDIT_KEY."
            )
        ).format(folder=folder, files=f"{made.files:,}"),
    )


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")], as_json: AsJson = False
) -> None:
    """Make a new home of a backup, in LAUREL_HOME; nobody is signed in to it."""
    from laurel.backup import restore as restore_backup

    settings = Settings.from_environment()
    made = restore_backup(settings, folder)
    _answer(
        as_json,
        {"home": str(settings.home), "revision": made.revision, "files": made.files, "bytes": made.size},
        _(
            "{home} holds what was backed up. Prove it by `laurel check-books` and `laurel audit verify`."
        ).format(home=settings.home),
    )


@claims_commands.command("export")
def export_claims(
    number: Annotated[
        int, typer.Option("--import", help="The number of the import that brought the claims.")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV, as without any choice.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the claims of a file with their verdicts: approved or queued, and the invoice that a mistyped one means."""
    import csv

    from laurel.workplace import open_workplace
    from loyalty_core import intake, verification
    from loyalty_core.kernel import csv_text

    with (
        open_workplace(Settings.from_environment()) as place,
        place.database.snapshot(Scope.of_command_line()) as connection,
    ):
        found = intake.find_imports(connection, words=str(number), dataset="claims", limit=1000)
        mine = next((one for one in found if one.number == number), None)
        if mine is None:
            raise NoSuchImportOfClaimsError(number)
        rows = verification.export_claims(connection, mine.id)
        if as_json and not as_csv:
            typer.echo(json.dumps({"claims": [row._asdict() for row in rows]}, ensure_ascii=False))
            return
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(verification.ExportedClaim._fields)
        # What a file says may begin like a formula; a spreadsheet that opens the export must not run it.
        writer.writerows([csv_text(cell) for cell in row] for row in rows)


@audit_commands.command("verify")
def verify_audit(as_json: AsJson = False) -> None:
    """Prove that no audit record was edited, deleted, reordered or cut off."""
    from laurel.workplace import open_workplace
    from loyalty_core import audit

    with open_workplace(Settings.from_environment()) as place:
        proof = audit.verify(place.database, place.settings)
    _answer(
        as_json,
        {"ok": proof.ok, "records": proof.records, "head": proof.head},
        _("{records} records, head {head}.").format(records=f"{proof.records:,}", head=proof.head),
    )
    for fault in proof.faults:
        typer.echo(fault, err=True)
    if not proof.ok:
        raise typer.Exit(1)


@user_commands.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="The sign-in name.")],
    role: Annotated[list[str], typer.Option(help="A role; may be given more than once.")],
    display_name: Annotated[str, typer.Option(help="The name that people see.")] = "",
    region: Annotated[
        list[str] | None, typer.Option(help="The code of a region to see, with all below; else everything.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a user. The password is asked for, or read from stdin where nobody can be asked."""
    from laurel.workplace import open_workplace
    from loyalty_core import access, organisation

    try:
        roles = {access.Role(one) for one in role}
    except ValueError as error:
        known = ", ".join(access.Role)
        raise typer.BadParameter(_("choose from {known}").format(known=known), param_hint="--role") from error
    password = _asked_password()
    scope = Scope.of_command_line()
    with open_workplace(Settings.from_environment()) as place:
        grants = [access.ScopeGrant(access.ScopeKind.EVERYTHING, None)]
        if region:
            with place.database.transaction(scope) as connection:
                grants = [
                    access.ScopeGrant(
                        access.ScopeKind.REGION, organisation.region_by_code(connection, code).id
                    )
                    for code in region
                ]
        user_id = access.create_user(
            place.database,
            scope,
            name=name,
            display_name=display_name,
            password=password,
            roles=roles,
            grants=grants,
        )
    _answer(as_json, {"user": str(user_id), "name": name}, _("{name} can sign in now.").format(name=name))


def _asked_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(_("Password: "))
    if getpass.getpass(_("Once more: ")) != first:
        raise PasswordsDifferError
    return first


def _log_failure(settings: Settings) -> str:
    """Write the current exception's trace to the private log and return the id to find it by."""
    failure_id = new_id().hex[-12:]
    path = settings.private_folder("logs") / "failures.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(f"{now().isoformat()} {failure_id}\n{traceback.format_exc()}\n")
    return failure_id


def main() -> None:
    """Run the command line and exit with its code."""
    configure_logs("WARNING")
    try:
        app()
    except Refusal as refusal:
        typer.echo(refusal.sentence, err=True)
    except (OperationalError, DriverError):
        typer.echo(
            _(
                "The database went away; nothing was left half done. Run the same command again (details: {id})."
            ).format(id=_log_failure(Settings.from_environment())),
            err=True,
        )
    except KeyboardInterrupt:
        typer.echo(_("Stopped."), err=True)
        sys.exit(130)
    except Exception:
        settings = Settings.from_environment()
        typer.echo(
            _("Something went wrong that should not. It is on record as {id} in {path}.").format(
                id=_log_failure(settings), path=settings.home / "logs" / "failures.log"
            ),
            err=True,
        )
    else:
        return
    sys.exit(1)
