"""Settings: from the environment (`SUANLI_…`), overridden by command-line options."""

from pathlib import Path

import platformdirs
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are, and how a first start is set up."""

    model_config = SettingsConfigDict(env_prefix="SUANLI_")

    home: Path = Path(platformdirs.user_data_dir("suanli"))
    data: Path = Path("../shared/data")
    policy: str = "tokenflow"  # one of `planning.policies`
    # Whether this server opens, solves and settles call auctions.
    auctions: bool = True
    # What a core-hour costs at first start, micro-RMB: about the list price of a cloud vCPU-hour.
    core_hour_micro_rmb: int = 200_000
    # The starting grant of the first tenant, micro-RMB.
    grant_micro_rmb: int = 100_000_000
