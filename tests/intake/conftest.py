"""Imports by the dozen: what judges them is loaded once, and not by a child of each."""

import pytest

import data_checks


@pytest.fixture(scope="session", autouse=True)
def _warm_checks() -> None:
    data_checks.warm_up()
