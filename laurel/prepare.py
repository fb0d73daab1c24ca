"""What `laurel run` does between the database's start and the web server's."""

import sys

from laurel.embedded import app_url
from laurel.migrate import empty_database, migrate
from laurel.registers import DATASETS
from laurel.secrets import app_password
from laurel.tasks import queue_left_behind
from loyalty_core import access, audit, demo
from loyalty_core.kernel import Database, Refusal, Scope, Settings, _, get_logger

_log = get_logger(__name__)


def prepare(settings: Settings, owner_url: str, *, with_demo: bool, scale: float = 1.0) -> None:
    """Migrate, put back what a crash left behind, and fill an empty database with the demo, so many times as big.

    A demo that was interrupted is finished. Where nobody can sign in yet, says how to make the first
    administrator.
    """
    password = app_password(settings, owner_url)
    migrate(owner_url, app_password=password)
    database = Database(app_url(owner_url, password))
    try:
        queue_left_behind(database)
        if with_demo and demo.demo_is_due(database, settings):
            _make_demo(database, settings, owner_url, scale)
        if not access.list_users(database, Scope.of_command_line()):
            _say(
                _("Nobody can sign in yet. Make the first administrator: {command}").format(
                    command="laurel user add NAME --role admin"
                )
            )
    finally:
        database.close()


def _make_demo(database: Database, settings: Settings, owner_url: str, scale: float) -> None:
    """Make the demo; where that fails, say so, and start empty.

    What an earlier start began and somebody may have worked in since is left as it is, and so is a database
    whose audit has records of its own.
    """
    with database.transaction(Scope.of_command_line()) as connection:
        was_in_use = demo.is_unfinished(settings) or audit.count_records(
            connection, words="", action="", since=None
        )
    _say(_("Making the demo, once. This takes some twenty seconds; a bigger one takes longer."))
    try:
        made = demo.make_demo(database, settings, datasets=DATASETS, scale=scale)
    # Whatever it is: a demo that fails must not keep anybody from Laurel. It is logged whole and told in short.
    except Exception as error:
        _log.exception("demo.not_made", was_in_use=bool(was_in_use))
        reason = str(error) if isinstance(error, Refusal) else type(error).__name__
        if was_in_use:
            _say(
                _(
                    "The demo could not be finished: {reason} What was there before was kept; the"
                    " sign-ins so far are in {file}. To start afresh, name an empty folder in LAUREL_HOME."
                ).format(reason=_as_sentence(reason), file=demo.unfinished_file(settings))
            )
            return
        empty_database(owner_url)
        demo.unfinished_file(settings).unlink(missing_ok=True)
        _say(
            _(
                "The demo could not be made: {reason} Laurel starts empty. The log says more; please report it."
                " The next start tries again; `laurel run --empty` starts without trying."
            ).format(reason=_as_sentence(reason))
        )
    else:
        _say(demo.sign_ins_text(made))


def _as_sentence(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
