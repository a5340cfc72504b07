"""What tests share: the public data folder, and small worlds to act in."""

import os
from pathlib import Path

import pytest

from tests.stage import Stage


def data_folder() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("SUANLI_DATA", default))


@pytest.fixture
def public_data() -> Path:
    """The folder of public data, or a skip that says what is missing."""
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder}; set SUANLI_DATA to a copy")
    return folder


@pytest.fixture
def stage() -> Stage:
    """An operator with two hosts of eight H100, two tenants with cash, an hour attested."""
    return Stage().opened()
