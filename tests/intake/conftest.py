"""Imports by the dozen."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _checks_are_warm(warm_checks: None) -> None: ...
