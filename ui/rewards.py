"""What the pages of rewards show: a reward as a card, its state in words, the form that changes it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import streamlit as st

from loyalty_core.access import SignedInUser
from loyalty_core.kernel import Money, Sort, _, current_database, folded, minor_digits, ngettext, to_minor
from loyalty_core.kernel import in_order as kernel_order
from loyalty_core.participants import ParticipantGroup
from loyalty_core.programmes import Programme
from loyalty_core.rewards import Reward, RewardDraft, RewardKind, RewardState, add_picture
from ui import list_export, wording
from ui.elements import Colour, badge
from ui.programmes import programme_label

One = TypeVar("One")

CARDS_BESIDE = 3
CARDS_A_PAGE = 24
PICTURE_TYPES = ["jpg", "jpeg", "png", "webp"]
PICTURE_MEGABYTES = 2
RUNS_OUT_AT = 5


def kind_title(kind: RewardKind) -> str:
    """Return what kind of reward it is."""
    return {
        RewardKind.MERCHANDISE: _("merchandise"),
        RewardKind.E_VOUCHER: _("e-voucher"),
        RewardKind.E_REWARD: _("e-reward"),
    }[kind]


def kind_icon(kind: RewardKind) -> str:
    """Return the icon that stands where a reward has no picture."""
    return {
        RewardKind.MERCHANDISE: "redeem",
        RewardKind.E_VOUCHER: "confirmation_number",
        RewardKind.E_REWARD: "bolt",
    }[kind]


def group_title(group: ParticipantGroup) -> str:
    """Return a group of participants, in the plural."""
    return {
        ParticipantGroup.DISTRIBUTOR: _("distributors"),
        ParticipantGroup.WHOLESALER: _("wholesalers"),
        ParticipantGroup.SERVICE_PROVIDER: _("service providers"),
    }[group]


def sort_titles() -> dict[str, str]:
    """Return what the catalogue can be sorted by."""
    return {
        "name": _("Name"),
        "points": _("Points"),
        "cost": _("Cost"),
        "stock": _("Stock"),
        "ends": _("Ends"),
    }


def in_order(rewards: Sequence[Reward], sort: Sort | None) -> list[Reward]:
    """Return the rewards sorted by one of `sort_titles`; None leaves them as they are. Raises UnknownSortError."""
    return kernel_order(
        rewards,
        sort,
        {
            "name": lambda reward: folded(reward.name),
            "points": lambda reward: reward.points,
            "cost": lambda reward: Money(reward.cost_minor, reward.currency).decimal,
            "stock": lambda reward: reward.stock,
            "ends": lambda reward: reward.ends_on,
        },
    )


def exported() -> list_export.Columns[Reward]:
    """Return the columns of the exported catalogue."""
    return [
        (_("Code"), lambda reward: reward.code),
        (_("Name"), lambda reward: reward.name),
        (_("Programme"), lambda reward: reward.programme_name),
        (_("Category"), lambda reward: reward.category),
        (_("State"), lambda reward: reward_state_title(reward.state)),
        (_("Points"), lambda reward: reward.points),
        (_("Cost"), lambda reward: Money(reward.cost_minor, reward.currency).decimal),
        (_("Currency"), lambda reward: reward.currency),
        (_("Stock"), lambda reward: reward.stock),
        (_("Starts"), lambda reward: reward.starts_on),
        (_("Ends"), lambda reward: reward.ends_on),
        (_("Id"), lambda reward: str(reward.id)),
    ]


def reward_state_title(state: RewardState) -> str:
    """Return whether the reward can be ordered, in a word or two."""
    return {
        RewardState.DRAFT: _("draft"),
        RewardState.OFFERED: _("offered"),
        RewardState.WITHDRAWN: _("withdrawn"),
    }[state]


def reward_state_badge(state: RewardState) -> None:
    """Draw the reward's state with its colour."""
    looks: dict[RewardState, tuple[Colour, str]] = {
        RewardState.DRAFT: ("gray", "edit_note"),
        RewardState.OFFERED: ("green", "check"),
        RewardState.WITHDRAWN: ("orange", "visibility_off"),
    }
    colour, icon = looks[state]
    badge(reward_state_title(state), colour, icon)


def points_in_words(points: int) -> str:
    """Return “1 point”, “2,821 points”."""
    return ngettext("{count} point", "{count} points", points).format(count=wording.number(points))


def who_in_words(groups: Collection[ParticipantGroup] | None) -> str:
    """Return who may order: everybody where no group is named."""
    if not groups:
        return _("everybody")
    return ", ".join(group_title(group) for group in ParticipantGroup if group in groups)


def stock_in_words(stock: int | None) -> str:
    """Return how many pieces are left."""
    if stock is None:
        return _("without limit")
    if stock == 0:
        return _("none left")
    return _("{count} left").format(count=wording.number(stock))


def span_in_words(starts: date, ends: date) -> str:
    """Return the days on which it can be ordered."""
    return f"{wording.day(starts)} – {wording.day(ends)}"


def draw_picture(picture_id: UUID | None, name: str, kind: RewardKind) -> None:
    """Draw the reward's picture, as wide as its place; the icon of its kind where it has none."""
    if picture_id is None:
        st.html(f'<span class="laurel-kind" aria-hidden="true">{kind_icon(kind)}</span>')
    else:
        st.markdown(f"![{wording.plain(name)}](/pictures/{picture_id})")


@contextmanager
def reward_card(picture_id: UUID | None, name: str, kind: RewardKind) -> Iterator[None]:
    """A bordered card with the picture on top and the name below it; as tall as the cards beside it."""
    with st.container(border=True, height="stretch", gap="small"):
        draw_picture(picture_id, name, kind)
        st.header(wording.plain(name), anchor=False)
        yield


def in_cards(ones: Sequence[One], draw: Callable[[One], object], *, beside: int = CARDS_BESIDE) -> None:
    """Draw each one in a place of a grid: side by side on a screen, below one another on a phone."""
    for first in range(0, len(ones), beside):
        for place, one in zip(st.columns(beside), ones[first : first + beside], strict=False):
            with place:
                draw(one)


def catalogue_facts(reward: Reward) -> list[str]:
    """Return what a card of the catalogue says below the name, line by line, ready for Markdown."""
    cost = wording.plain(wording.money(Money(reward.cost_minor, reward.currency)))
    left = wording.plain(stock_in_words(reward.stock))
    if reward.stock is not None and reward.stock <= RUNS_OUT_AT:
        left = f":{'red' if reward.stock == 0 else 'orange'}[{left}]"
    return [
        f"**{points_in_words(reward.points)}** · {cost}",
        f"{kind_title(reward.kind)} · {wording.plain(reward.category)}",
        _("Stock: {left}").format(left=left),
        _("For {who}").format(who=who_in_words(reward.for_groups)),
        wording.plain(span_in_words(reward.starts_on, reward.ends_on)),
    ]


def _money_field(label: str, minor: int | None, currency: str, *, key: str) -> int | None:
    digits = minor_digits(currency)
    step = 10**-digits
    value = st.number_input(
        label,
        min_value=0.0,
        value=float(Money(minor, currency).decimal) if minor is not None else None,
        step=step,
        format=f"%.{digits}f",
        key=key,
        help=_(
            "What one piece costs us, in {currency}. It is held in the budget when someone orders."
        ).format(currency=currency),
    )
    return to_minor(Decimal(f"{value:.{digits}f}"), currency) if value is not None else None


def reward_fields(
    programmes: Sequence[Programme], categories: Sequence[str], reward: Reward | None, *, key: str
) -> RewardDraft | None:
    """Draw the fields of a reward and return what they say; None while something is missing.

    `programmes` are those that it can belong to; that and its code are fixed once it is there. The picture is
    not among them: see `picture_field`.
    """
    programme = (
        next(one for one in programmes if one.id == reward.programme_id)
        if reward is not None
        else programmes[0]
        if len(programmes) == 1
        else st.selectbox(
            _("Programme"),
            programmes,
            format_func=lambda one: programme_label(one, programmes),
            key=f"{key}_programme",
        )
    )
    first, second = st.columns([2, 1])
    name = first.text_input(_("Name"), value=reward.name if reward else "", key=f"{key}_name", max_chars=120)
    code = second.text_input(
        _("Code"),
        value=reward.code if reward else "",
        disabled=reward is not None,
        key=f"{key}_code",
        max_chars=40,
        help=_("How your systems call it; it stays."),
    )
    description = st.text_area(
        _("Description"),
        value=reward.description if reward else "",
        key=f"{key}_description",
        max_chars=1000,
        height=80,
    )
    kind_at, category_at = st.columns(2)
    kinds = list(RewardKind)
    kind = kind_at.selectbox(
        _("Kind"),
        kinds,
        index=kinds.index(reward.kind if reward else RewardKind.MERCHANDISE),
        format_func=kind_title,
        key=f"{key}_kind",
    )
    known = sorted({*categories, *([reward.category] if reward else [])})
    category = category_at.selectbox(
        _("Category"),
        known,
        index=known.index(reward.category) if reward else None,
        accept_new_options=True,
        placeholder=_("Choose one or write a new one"),
        key=f"{key}_category",
    )
    points_at, cost_at = st.columns(2)
    points = points_at.number_input(
        _("Points"), min_value=1, value=reward.points if reward else None, step=1, key=f"{key}_points"
    )
    with cost_at:
        cost = _money_field(
            _("Cost in {currency}").format(currency=programme.currency),
            reward.cost_minor if reward else None,
            programme.currency,
            key=f"{key}_cost",
        )
    stock = (
        st.number_input(
            _("Pieces"),
            min_value=0,
            value=None,
            step=1,
            placeholder=_("without limit"),
            key=f"{key}_stock",
        )
        if reward is None
        else reward.stock
    )
    groups = st.multiselect(
        _("Who may order"),
        list(ParticipantGroup),
        default=[group for group in ParticipantGroup if group in reward.for_groups]
        if reward and reward.for_groups
        else [],
        format_func=group_title,
        placeholder=_("everybody"),
        key=f"{key}_groups",
    )
    starts_at, ends_at = st.columns(2)
    starts = starts_at.date_input(
        _("First day"),
        value=reward.starts_on if reward else programme.starts_on,
        key=f"{key}_starts",
        format=wording.date_format(),
    )
    ends = ends_at.date_input(
        _("Last day"),
        value=reward.ends_on if reward else programme.ends_on,
        key=f"{key}_ends",
        format=wording.date_format(),
    )
    if not (name and code and category and points and cost is not None and starts and ends):
        return None
    return RewardDraft(
        programme_id=programme.id,
        code=code.strip(),
        name=name.strip(),
        description=(description or "").strip(),
        kind=kind,
        category=category.strip(),
        points=points,
        cost_minor=cost,
        stock=stock,
        for_groups=frozenset(groups) or None,
        starts_on=starts,
        ends_on=ends,
        picture_id=reward.picture_id if reward else None,
    )


def picture_field(*, key: str) -> bytes | None:
    """Draw the choice of a picture and return its contents, None where none was chosen."""
    chosen = st.file_uploader(
        _("Picture"),
        type=PICTURE_TYPES,
        key=f"{key}_picture",
        max_upload_size=PICTURE_MEGABYTES,
        help=_("A JPEG, PNG or WebP of up to {size} MB, best twice as wide as high.").format(
            size=PICTURE_MEGABYTES
        ),
    )
    return chosen.getvalue() if chosen is not None else None


def with_picture(user: SignedInUser, draft: RewardDraft, data: bytes | None) -> RewardDraft:
    """Store the chosen picture and return the draft with it; as it is where none was chosen."""
    if data is None:
        return draft
    return replace(draft, picture_id=add_picture(current_database(), user.scope, data))
