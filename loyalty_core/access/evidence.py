"""Whether people have the rights that were given to them on record."""

from sqlalchemy import Connection, text

# What was said last of a user's roles, scope and state, against what is there. Texts compare by their bytes, as
# they were sorted when they were recorded.
RIGHTS_CHECKS: dict[str, str] = {
    "every role was given on record": (
        "select count(*) from app_user u left join lateral (select coalesce(r.detail->'to', r.detail->'roles') as said"
        " from audit_record r where r.subject_kind = 'app_user' and r.subject_id = u.id::text"
        " and r.action in ('access.user_created', 'access.roles_set') order by r.id desc limit 1) l on true"
        " where l.said is distinct from (select coalesce(jsonb_agg(o.role order by o.role collate \"C\"), '[]')"
        " from user_role o where o.user_id = u.id)"
    ),
    "every scope was given on record": (
        "select count(*) from app_user u left join lateral (select coalesce(r.detail->'to', r.detail->'scope') as said"
        " from audit_record r where r.subject_kind = 'app_user' and r.subject_id = u.id::text"
        " and r.action in ('access.user_created', 'access.scope_set') order by r.id desc limit 1) l on true"
        " where l.said is distinct from (select coalesce(jsonb_agg(s.said order by s.said collate \"C\"), '[]')"
        " from (select concat_ws(chr(58), o.kind, o.target_id) as said from user_scope o where o.user_id = u.id) s)"
    ),
    "everybody who may sign in was let in on record": (
        "select count(*) from app_user u left join lateral (select coalesce(r.detail->>'to', 'active') as said"
        " from audit_record r where r.subject_kind = 'app_user' and r.subject_id = u.id::text"
        " and r.action in ('access.user_created', 'access.user_disabled', 'access.user_enabled')"
        " order by r.id desc limit 1) l on true where l.said is distinct from u.state"
    ),
}


def broken_rights(connection: Connection) -> dict[str, int]:
    """Return, for each of RIGHTS_CHECKS, how many users break it."""
    return {name: int(connection.execute(text(query)).scalar_one()) for name, query in RIGHTS_CHECKS.items()}
