"""Participants as a dataset. Whoever a file adds waits for somebody else's approval, like any registration.

What says who a person is goes into participant_person alone: changes are told with it masked.
"""

from collections.abc import Mapping

from loyalty_core.intake import (
    DatasetColumn,
    DatasetColumns,
    Records,
    RecordsDataset,
    StagedRecords,
    control_character,
)
from loyalty_core.kernel import N_, _, set_scope
from loyalty_core.participants.policy import MAX_CODE_LENGTH, MAX_NAME_LENGTH, ParticipantGroup

_GROUPS = "array['" + "', '".join(ParticipantGroup) + "']"
_YES = "array['yes', 'y', 'true', '1', 'x', 'tak', 'da', 'ya']"
_NO = "array['no', 'n', 'false', '0', 'nie', 'ne', 'tidak']"

PARTICIPANT_COLUMNS = DatasetColumns(
    "participants",
    (
        DatasetColumn(
            "code",
            required=True,
            also_called=("participant code", "participant", "member", "member no", "card", "card no"),
            notes=N_("The person's own code, up to 40 letters, digits and . _ - / without spaces."),
        ),
        DatasetColumn(
            "company_code",
            required=True,
            also_called=("customer id", "customer", "company", "partner code"),
            notes=N_("The code of the company that the person belongs to; it is there already."),
        ),
        DatasetColumn(
            "display_name",
            required=True,
            also_called=("name", "full name", "person", "first and last name"),
            notes=N_("First and last name."),
        ),
        DatasetColumn(
            "group",
            required=True,
            also_called=("participant group", "kind", "type"),
            notes=N_("distributor, wholesaler or service_provider."),
        ),
        DatasetColumn(
            "is_owner",
            also_called=("owner", "company owner"),
            notes=N_("yes for who owns the company and says who spends its points; blank for a new one: no."),
        ),
        DatasetColumn(
            "phone",
            also_called=("telephone", "mobile", "phone number", "tel"),
            notes=N_("Written as in +48 601 234 567. Blank leaves it as it is, - empties it."),
        ),
        DatasetColumn(
            "email",
            also_called=("e-mail", "mail", "email address"),
            notes=N_("Written as in anna@example.com. Blank leaves it as it is, - empties it."),
        ),
    ),
)


_ONE_LINE = "btrim(regexp_replace(normalize({column}, nfc), '[[:space:]]+', ' ', 'g'))"
_ROWS = (
    "select s.row_no, s.sheet, s.unreadable, normalize(s.code, nfc) as record, p.id as known_id,"
    " null::text as title, s.company_code, c.id as company_id, p.company_id as known_company_id, p.state,"
    " p.requested_by, p.requested_by_name,"
    " array[{name},"
    "   replace(replace(lower(s.\"group\"), ' ', '_'), '-', '_'),"
    "   case when lower(s.is_owner) = any({yes}) then 'yes' when lower(s.is_owner) = any({no}) then 'no'"
    "     else s.is_owner end,"
    "   case when s.phone = '-' then '' else {phone} end,"
    "   case when s.email = '-' then '' else {email} end] as said,"
    " array[m.display_name, p.participant_group, case when p.is_owner then 'yes' else 'no' end, m.phone,"
    "   m.email] as stands"
    " from {staging} s left join company c on c.code = s.company_code"
    " left join participant p on p.code = normalize(s.code, nfc)"
    " left join participant_person m on m.participant_id = p.id"
)

_PARTICIPANTS = Records(
    fields=("display_name", "group", "is_owner", "phone", "email"),
    rows=_ROWS.replace("{name}", _ONE_LINE.replace("{column}", "s.display_name"))
    .replace("{phone}", _ONE_LINE.replace("{column}", "s.phone"))
    .replace("{email}", _ONE_LINE.replace("{column}", "s.email"))
    .replace("{yes}", _YES)
    .replace("{no}", _NO),
    held="participant",
    leans_on=("company", "company_id"),
    # Enough to see which one it is, and nothing that says who.
    shown=(
        "case {field} when 'display_name' then regexp_replace({value}, '(\\w)\\w*', '\\1…', 'g')"
        " when 'phone' then case when {value} = '' then '' else '…' || right({value}, 3) end"
        " when 'email' then case when {value} = '' then '' else left({value}, 1) || '…@' || left(split_part({value},"
        " '@', 2), 1) || '…' end else {value} end"
    ),
)


class ParticipantsDataset(RecordsDataset):
    """People of the companies that the actor sees."""

    columns = PARTICIPANT_COLUMNS
    records = _PARTICIPANTS
    example_rows = (
        {
            "code": "P-2001",
            "company_code": "C-1001",
            "display_name": "Anna Example",
            "group": "wholesaler",
            "is_owner": "yes",
            "phone": "+48 601 234 567",
            "email": "anna@example.com",
        },
        {
            "code": "P-2002",
            "company_code": "C-1001",
            "display_name": "Jan Sample",
            "group": "wholesaler",
            "is_owner": "no",
            "phone": "",
            "email": "jan@example.com",
        },
    )

    def reasons(self) -> Mapping[str, str]:
        """Return the words for the reasons that only participants have."""
        return {
            "missing_code": _("No participant code in the row."),
            "missing_name": _("No name in the row. A new participant needs one."),
            "missing_group": _("No group in the row. A new participant needs one."),
            "code_not_usable": _(
                "The code is not 1 to 40 letters, digits and the signs . _ - / without spaces, letter or digit first."
            ),
            "name_too_long": _("The name is longer than 200 characters."),
            "unknown_group": _("The group is none of distributor, wholesaler and service_provider."),
            "unreadable_owner": _("Whether the person owns the company is said by yes or no."),
            "not_a_phone": _("This is no telephone number. Write it as in +48 601 234 567."),
            "not_an_email": _("This is no e-mail address. Write it as in anna@example.com."),
            "company_differs": _(
                "The participant belongs to another company, and a file can't move a person. Register the person"
                " there under a new code."
            ),
            "owner_differs": _(
                "Who owns a company was approved by a second person, and a file can't change it."
            ),
            "waits_for_approval": _(
                "This registration, which somebody else asked for, waits for approval. Have it decided first."
            ),
            "participant_rejected": _("This participant was rejected. Register the person under a new code."),
        }

    def prepare(self, rows: StagedRecords) -> None:
        """Bind who asks, and when."""
        rows.bind(
            actor=rows.context.scope.user_id,
            actor_name=rows.context.scope.actor_name,
            recorded_at=rows.context.recorded_at,
            longest_name=MAX_NAME_LENGTH,
        )

    def judge_rows(self, rows: StagedRecords) -> None:
        """Reject what is wrong with single rows, and what names an unknown company."""
        rows.reject(
            (
                ("missing_code", "n.record is null"),
                ("missing_company", "n.known_id is null and n.company_code is null"),
                ("missing_name", "n.known_id is null and n.said[1] is null"),
                ("missing_group", "n.known_id is null and n.said[2] is null"),
                ("code_not_usable", rf"n.record !~ '^[[:alnum:]][\w./-]{{0,{MAX_CODE_LENGTH - 1}}}$'"),
                ("name_too_long", "length(n.said[1]) not between 1 and :longest_name"),
                ("unknown_company", "n.company_code is not null and n.company_id is null"),
                ("unknown_group", f"n.said[2] <> all({_GROUPS})"),
                ("unreadable_owner", "n.said[3] not in ('yes', 'no')"),
                ("not_a_phone", r"n.said[4] <> '' and n.said[4] !~ '^\+?[0-9][0-9 ()/.-]{4,28}[0-9]$'"),
                (
                    "not_an_email",
                    "n.said[5] <> '' and n.said[5] !~"
                    r""" '^[^[:space:]@<>"]{1,64}@[^[:space:]@<>"]{1,185}\.[^[:space:]@<>".]{2,}$'""",
                ),
                control_character("n.said[1]", "n.said[4]", "n.said[5]"),
                ("company_differs", "n.company_id <> n.known_company_id"),
            )
        )

    def judge_known(self, rows: StagedRecords) -> None:
        """Reject what is there with other contents, what a second person has approved or is about to, and codes
        that the actor can't see are taken."""
        rows.reject_known_otherwise()
        rows.execute(
            "insert into {bad} (row_no, sheet, reasons) select row_no, sheet, reasons from ("
            " select n.row_no, n.sheet, array_remove(array["
            " case when n.state = 'rejected' then 'participant_rejected' end,"
            " case when n.state = 'waiting' and {differs} and (n.requested_by is distinct from :actor"
            "   or n.requested_by_name <> :actor_name) then 'waits_for_approval' end,"
            " case when n.state <> 'waiting' and n.said[3] <> n.stands[3] then 'owner_differs' end"
            " ], null) as reasons from {rows} where {good} and n.known_id is not null) judged"
            " where cardinality(reasons) > 0"
        )
        if rows.context.scope.sees_everything:
            return
        # Under the actor's own scope the codes that are not seen are those of no participant.
        unseen = rows.execute(
            "select n.row_no, n.sheet, n.record from {rows} where {good} and n.known_id is null"
        ).all()
        set_scope(rows.connection, rows.context.scope.widened())
        rows.execute(
            "insert into {bad} (row_no, sheet, reasons) select u.row_no, u.sheet, array['code_taken']"
            " from unnest(cast(:row_nos as bigint[]), cast(:sheets as text[]), cast(:codes as text[]))"
            " as u (row_no, sheet, code) join participant t on t.code = u.code",
            row_nos=[row.row_no for row in unseen],
            sheets=[row.sheet for row in unseen],
            codes=[row.record for row in unseen],
        )
        set_scope(rows.connection, rows.context.scope)

    def write(self, rows: StagedRecords) -> None:
        """Change those who are there, and add the others as registrations that wait."""
        # First what identifies which rows differ, last what makes them alike.
        rows.execute(
            "with differing as (select n.known_id, n.said from {firsts} where n.known_id is not null and {differs}),"
            " grouped as (update participant p set participant_group = coalesce(d.said[2], p.participant_group),"
            "   is_owner = coalesce(d.said[3] = 'yes', p.is_owner) from differing d where p.id = d.known_id"
            "   and (d.said[2] <> p.participant_group or (d.said[3] = 'yes') <> p.is_owner))"
            " update participant_person m set display_name = coalesce(d.said[1], m.display_name),"
            " phone = case when d.said[4] is null then m.phone else nullif(d.said[4], '') end,"
            " email = case when d.said[5] is null then m.email else nullif(d.said[5], '') end"
            " from differing d where m.participant_id = d.known_id"
        )
        rows.with_new_ids(
            "with added as (select i.id, n.record, n.company_id, n.said from {new}),"
            " registered as (insert into participant (id, code, company_id, participant_group, is_owner, state,"
            "   requested_by, requested_by_name, requested_at, created_by_import)"
            "   select a.id, a.record, a.company_id, a.said[2], coalesce(a.said[3] = 'yes', false), 'waiting',"
            "   :actor, :actor_name, :recorded_at, :import_id from added a returning id)"
            " insert into participant_person (participant_id, company_id, display_name, phone, email, recorded_at)"
            " select a.id, a.company_id, a.said[1], nullif(a.said[4], ''), nullif(a.said[5], ''), :recorded_at"
            " from added a join registered r on r.id = a.id"
        )
