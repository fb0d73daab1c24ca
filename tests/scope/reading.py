"""Which functions of a subdomain read or write over a connection."""

import inspect
from types import ModuleType


def functions_over_a_connection(*modules: ModuleType) -> set[str]:
    """Return the names, with their packages, of the listed functions whose first argument is a connection."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name in module.__all__
        if inspect.isfunction(function := getattr(module, name))
        and next(iter(inspect.signature(function).parameters), "") == "connection"
    }
