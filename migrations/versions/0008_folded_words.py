"""Search without case and without marks on letters: Mlynarz finds Młynarz."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Plain letters, which most texts are made of, take a short way. What has no parts to take a mark from is named.
    # lower() comes last: where the database's locale is C it knows plain letters only.
    op.execute(
        "create function folded(words text) returns text language plpgsql immutable parallel safe as $$ begin"
        " if octet_length(words) = char_length(words) then return lower(words); end if;"
        " return lower(replace(replace(replace(replace(replace(replace(replace(replace(translate("
        "regexp_replace(normalize(words, NFKD), '[\\u0300-\\u036f]', '', 'g'),"
        " 'ŁłĐđØøĦħŦŧıÐð', 'LlDdOoHhTtiDd'),"
        " 'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th'));"
        " end $$"
    )
