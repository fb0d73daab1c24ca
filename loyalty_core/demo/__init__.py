"""A small brand owner to try Laurel with, made by the same commands as a person's work."""

from loyalty_core.demo.commands import (
    PROGRAMME_CODE,
    Demo,
    DemoNotMadeError,
    demo_is_due,
    make_demo,
    sign_ins_text,
)
from loyalty_core.demo.sign_ins import DemoPerson, DemoSignIn

__all__ = [
    "PROGRAMME_CODE",
    "Demo",
    "DemoNotMadeError",
    "DemoPerson",
    "DemoSignIn",
    "demo_is_due",
    "make_demo",
    "sign_ins_text",
]
