"""People to test with."""

from loyalty_core import access
from loyalty_core.access import Role, ScopeGrant, ScopeKind, SignedInUser
from loyalty_core.kernel import Database, Scope

PASSWORD = "olive tram quartz 9"
EVERYTHING = frozenset({ScopeGrant(ScopeKind.EVERYTHING)})
COMMAND_LINE = Scope.of_command_line()


def sign_in(database: Database, name: str = "vera", *, password: str = PASSWORD, visit: str = "visit") -> str:
    """Sign in as the web does and return the session's token."""
    attempt = access.begin_sign_in(database, name=name, address="192.0.2.1")
    if not access.password_matches(password, attempt.password_hash):
        access.fail_sign_in(database, attempt)
        raise access.SignInRefused
    ticket = access.issue_ticket(database, attempt, visit=visit)
    return access.redeem_ticket(database, ticket, visit=visit)


def somebody(
    database: Database,
    *roles: Role,
    name: str = "vera",
    grants: frozenset[ScopeGrant] = EVERYTHING,
) -> SignedInUser:
    """Make a user with the roles and sign in."""
    access.create_user(
        database,
        COMMAND_LINE,
        name=name,
        display_name=name.title(),
        password=PASSWORD,
        roles=roles,
        grants=grants,
    )
    user = access.find_session(database, sign_in(database, name))
    assert user is not None
    return user
