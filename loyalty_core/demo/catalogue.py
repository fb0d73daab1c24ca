"""What the demo's points buy."""

from dataclasses import dataclass

from loyalty_core.demo.trade import CLAIMS_PROGRAMME_CODE, PROGRAMME_CODE
from loyalty_core.participants import ParticipantGroup
from loyalty_core.rewards import RewardKind, RewardState


@dataclass(frozen=True, slots=True)
class DemoReward:
    """One reward; `picture` names its drawing, `euro` is what it costs, `left` how many are left in the end."""

    code: str
    programme: str
    name: str
    description: str
    kind: RewardKind
    category: str
    points: int
    euro: int
    picture: str
    left: int | None = None
    for_groups: frozenset[ParticipantGroup] | None = None
    state: RewardState = RewardState.OFFERED


_GOODS, _VOUCHER, _REWARD = RewardKind.MERCHANDISE, RewardKind.E_VOUCHER, RewardKind.E_REWARD
_PROVIDERS = frozenset({ParticipantGroup.SERVICE_PROVIDER})

REWARDS = (
    DemoReward(
        "GIFT-50",
        PROGRAMME_CODE,
        "Gift card 50",
        "Fifty euro to spend in more than two hundred shops.",
        _VOUCHER,
        "Vouchers",
        1_000,
        50,
        "gift-card",
    ),
    DemoReward(
        "FUEL-100",
        PROGRAMME_CODE,
        "Fuel voucher 100",
        "A hundred euro of fuel, for any car of the company.",
        _VOUCHER,
        "Vouchers",
        2_000,
        100,
        "fuel",
    ),
    DemoReward(
        "BARISTA",
        PROGRAMME_CODE,
        "Barista course",
        "A day with a master of the trade, coffee included.",
        _REWARD,
        "Training",
        2_400,
        120,
        "barista",
        left=2,
    ),
    DemoReward(
        "TROLLEY",
        PROGRAMME_CODE,
        "Warehouse trolley",
        "Carries 300 kg, folds flat, runs quietly.",
        _GOODS,
        "For the shop",
        3_600,
        180,
        "trolley",
        left=38,
    ),
    DemoReward(
        "WEEKEND",
        PROGRAMME_CODE,
        "Weekend in the mountains",
        "Two nights for two, with breakfast and a view.",
        _REWARD,
        "Travel",
        6_000,
        300,
        "weekend",
    ),
    DemoReward(
        "LAPTOP",
        PROGRAMME_CODE,
        "Business laptop",
        "Thirteen inches, light, with a dock.",
        _GOODS,
        "For the office",
        8_000,
        400,
        "tablet",
        left=7,
    ),
    DemoReward(
        "ESPRESSO",
        PROGRAMME_CODE,
        "Espresso machine",
        "For the staff room: two cups at a time, cleans itself.",
        _GOODS,
        "Kitchen",
        12_000,
        600,
        "coffee-machine",
        left=4,
    ),
    DemoReward(
        "PHONE-5",
        CLAIMS_PROGRAMME_CODE,
        "Phone credit 5",
        "Five euro on any prepaid number.",
        _VOUCHER,
        "Vouchers",
        1_000,
        5,
        "phone-credit",
    ),
    DemoReward(
        "APRON",
        CLAIMS_PROGRAMME_CODE,
        "Linen apron",
        "Washed linen, deep pocket, one size.",
        _GOODS,
        "Kitchen",
        1_800,
        9,
        "apron",
        left=52,
        for_groups=_PROVIDERS,
    ),
    DemoReward(
        "CINEMA",
        CLAIMS_PROGRAMME_CODE,
        "Cinema for two",
        "Any film on any day.",
        _VOUCHER,
        "Free time",
        2_400,
        12,
        "cinema",
    ),
    DemoReward(
        "FLASK",
        CLAIMS_PROGRAMME_CODE,
        "Thermos flask",
        "Keeps a litre of coffee hot for a day's work.",
        _GOODS,
        "Kitchen",
        3_600,
        18,
        "flask",
        left=3,
    ),
    DemoReward(
        "RUCKSACK",
        CLAIMS_PROGRAMME_CODE,
        "City rucksack",
        "Twenty litres, rainproof, with a sleeve for a laptop.",
        _GOODS,
        "Free time",
        7_800,
        39,
        "rucksack",
        left=21,
    ),
    DemoReward(
        "HEADPHONES",
        CLAIMS_PROGRAMME_CODE,
        "Headphones",
        "Forty hours of music without a cable.",
        _GOODS,
        "Free time",
        11_800,
        59,
        "headphones",
        left=0,
    ),
    DemoReward(
        "BICYCLE",
        PROGRAMME_CODE,
        "City bicycle",
        "Seven gears and a basket. Comes with the spring catalogue.",
        _GOODS,
        "Travel",
        16_000,
        800,
        "bicycle",
        left=10,
        state=RewardState.DRAFT,
    ),
)


def rewards_of(programme: str) -> list[DemoReward]:
    """Return what the programme offers, the cheapest first."""
    return sorted(
        (one for one in REWARDS if one.programme == programme and one.state is RewardState.OFFERED),
        key=lambda one: one.points,
    )
