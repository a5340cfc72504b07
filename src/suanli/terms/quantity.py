"""Quantities: integers only, one unit each, every rounding named.

Laws
----
* Tokens are int64 CU-microseconds; 1 token = one reference H100 for one hour = 3,600,000,000.
* Ratings are integer micro-CU; 1,000,000 is the reference H100.
* Device time is int64 device-milliseconds, a share is in thousandths of a device.
* Cash is int64 micro-RMB, a price is int64 milli-RMB per token, a lot is 0.001 token, so
  price x lots is micro-RMB exactly.
* Metering and cash round down (the remainder stays with the tenant); the device time that an
  issuance consumes rounds up (the remainder stays unsold).
"""

TOKEN = 3_600_000_000
LOT = TOKEN // 1000
REFERENCE_RATING = 1_000_000
WHOLE_DEVICE = 1000
PPM = 1_000_000  # parts per million in a whole
RMB = 1_000_000
INT64_MAX = 2**63 - 1
LOTS_MAX = 10**12  # of one order: a billion tokens, far above any fleet, far below an overflow


def metered(device_ms: int, share: int, rating_ucu: int) -> int:
    """Return the tokens that `device_ms` at `share` thousandths are worth, rounded down.

    >>> metered(3_600_000, 1000, 1_000_000) == TOKEN
    True
    """
    return device_ms * share * rating_ucu // 1_000_000


def device_ms_of(tokens: int, rating_ucu: int) -> int:
    """Return the device time that issuing `tokens` consumes, rounded up.

    >>> device_ms_of(TOKEN, 500_000)
    7200000
    """
    return -(-tokens * 1000 // rating_ucu)


def lots_of(device_ms: int, rating_ucu: int) -> int:
    """Return how many whole lots some free device time can back.

    >>> lots_of(3_600_000, 1_000_000)
    1000
    """
    lots = max(0, device_ms) * rating_ucu // (1000 * LOT)
    # Issuing rounds device time up, once a class; one lot less never fails for it.
    while lots and device_ms_of(lots * LOT, rating_ucu) > device_ms:
        lots -= 1
    return lots


def cash_of(tokens: int, price_mrmb: int) -> int:
    """Return what `tokens` cost at `price_mrmb` milli-RMB a token, rounded down.

    >>> cash_of(2 * TOKEN, 1200) == 2_400_000
    True
    """
    return tokens * price_mrmb * 1000 // TOKEN


def is_amount(value: int) -> bool:
    """Say whether `value` is a positive int64."""
    return 0 < value <= INT64_MAX
