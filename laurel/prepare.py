"""What `laurel run` does between the database's start and the web server's."""

import sys

from laurel.embedded import app_url
from laurel.migrate import migrate
from laurel.registers import DATASETS
from laurel.secrets import app_password
from laurel.tasks import queue_left_behind
from loyalty_core import access, demo
from loyalty_core.kernel import Database, Scope, Settings, _


def prepare(settings: Settings, owner_url: str, *, with_demo: bool, scale: float = 1.0) -> None:
    """Migrate, put back what a crash left behind, and fill an empty database with the demo, so many times as big.

    A demo that was interrupted is finished. Where nobody can sign in yet, says how to make the first
    administrator.
    """
    password = app_password(settings)
    migrate(owner_url, app_password=password)
    database = Database(app_url(owner_url, password))
    try:
        queue_left_behind(database)
        if with_demo and demo.demo_is_due(database, settings):
            _say(_("Making the demo, once. This takes some twenty seconds; a bigger one takes longer."))
            _say(demo.sign_ins_text(demo.make_demo(database, settings, datasets=DATASETS, scale=scale)))
        elif not access.list_users(database, Scope.of_command_line()):
            _say(
                _("Nobody can sign in yet. Make the first administrator: {command}").format(
                    command="laurel user add NAME --role admin"
                )
            )
    finally:
        database.close()


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()
