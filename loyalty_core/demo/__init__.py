"""A brand owner to try Laurel with, made by the same commands as a person's work."""

from loyalty_core.demo.commands import (
    Demo,
    demo_is_due,
    is_unfinished,
    make_demo,
    sign_ins_text,
    unfinished_file,
)
from loyalty_core.demo.sign_ins import DemoPerson, DemoSignIn
from loyalty_core.demo.trade import CLAIMS_PROGRAMME_CODE, PROGRAMME_CODE, DemoNotMadeError

__all__ = [
    "CLAIMS_PROGRAMME_CODE",
    "PROGRAMME_CODE",
    "Demo",
    "DemoNotMadeError",
    "DemoPerson",
    "DemoSignIn",
    "demo_is_due",
    "is_unfinished",
    "make_demo",
    "sign_ins_text",
    "unfinished_file",
]
