"""Governed parameters: name -> (start value, least, most). Only a regulator changes them."""

from typing import Final

from suanli.terms.instant import DAY, HOUR

PARAMETERS: Final[dict[str, tuple[int, int, int]]] = {
    # Milli-RMB a token: the tick is one, the caps are a market rule.
    "price_mrmb_min": (1, 1, 1_000_000_000),
    "price_mrmb_max": (1_000_000_000, 1, 1_000_000_000),
    # How long period tokens still settle use inside their period (DESIGN section 3).
    "token_grace_ms": (DAY, HOUR, 30 * DAY),
    # Share of attested device time that issuance leaves alone, in parts per million.
    "headroom_ppm": (0, 0, 1_000_000),
    "time_limit_ms_max": (400 * DAY, HOUR, 4000 * DAY),
}
