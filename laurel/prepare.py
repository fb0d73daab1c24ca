"""What `laurel run` does between the database's start and the web server's."""

import sys

from laurel.embedded import app_url
from laurel.migrate import migrate
from laurel.registers import DATASETS
from laurel.secrets import app_password, session_key
from laurel.tasks import queue_left_behind
from loyalty_core import access
from loyalty_core.kernel import Database, Scope, Settings, _


def prepare(settings: Settings, owner_url: str, *, with_demo: bool) -> None:
    """Migrate, make the keys, put back what a crash left behind, and fill an empty database with the demo.

    Without the demo, an empty database is answered by a word on how to make the first administrator.
    """
    password = app_password(settings)
    migrate(owner_url, app_password=password)
    session_key(settings)
    database = Database(app_url(owner_url, password))
    try:
        queue_left_behind(database)
        if not access.list_users(database, Scope.of_command_line()):
            if with_demo:
                # Late: only a first start needs it.
                from loyalty_core import demo

                made = demo.make_demo(database, settings, datasets=DATASETS)
                _say(demo.sign_ins_text(made))
            else:
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
