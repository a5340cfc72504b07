"""The rating formula: base (harmonic roofline) x memory x interconnect x calibration.

Laws
----
* The reference device is exactly 1,000,000 micro-CU in every class, alone or in a gang.
* A package is rated; an addressable device is worth the package divided by their number.
* Everything is `decimal` at 50 digits, rounded down to micro-CU once, at the end.
* More of any resource never lowers a rating.

Source: hal.md 4.2; calibration 0.70 is the 20th percentile of its back-test (4.5).
"""

from decimal import ROUND_FLOOR, Context, Decimal, localcontext

from suanli.chips.datasheet import REFERENCE_CHIP, Chip
from suanli.terms.quantity import REFERENCE_RATING
from suanli.units.workload import WorkloadClass

DECLARED_CALIBRATION = Decimal("0.70")
REFERENCE_MEMORY_GB = Decimal(80)
REFERENCE_MEMORY_GBPS = Decimal(3350)
REFERENCE_TFLOPS = Decimal(989)
REFERENCE_LINK_GBPS = Decimal(900)
MEMORY_MULTIPLIER_MAX = Decimal("1.10")
MEMORY_EXPONENT_ABOVE = Decimal("0.1")
DIGITS = Context(prec=50)


def base(chip: Chip, workload: WorkloadClass) -> Decimal | None:
    """Return B, the single-device time ratio, or None where a needed figure is unknown."""
    time = _time_without_link(chip, workload)
    return None if time is None else (1 - workload.link) / time


def memory_multiplier(chip: Chip, workload: WorkloadClass) -> Decimal | None:
    """Return M: steep below 80 GB, flat above, 1 where the class does not price capacity."""
    if not workload.memory_exponent:
        return Decimal(1)
    if chip.memory_gb is None:
        return None
    ratio = chip.memory_gb / REFERENCE_MEMORY_GB
    if ratio < 1:
        return ratio ** workload.memory_exponent
    return min(MEMORY_MULTIPLIER_MAX, ratio ** MEMORY_EXPONENT_ABOVE)


def interconnect_multiplier(chip: Chip, workload: WorkloadClass,
                            link_gbps: Decimal | None) -> Decimal | None:
    """Return X for gangs: the step with its communication, relative to the base."""
    time = _time_without_link(chip, workload)
    if time is None or (workload.link and not link_gbps):
        return None
    if workload.link:
        time += workload.link * REFERENCE_LINK_GBPS / Decimal(link_gbps or 0)
    single = base(chip, workload)
    return None if single is None else 1 / time / single


def rate(chip: Chip, workload: WorkloadClass, in_gang: bool, link_gbps: int = 0,
         calibration: Decimal | None = None) -> int | None:
    """Return an addressable device's rating in micro-CU, rounded down.

    `link_gbps` 0 takes the chip's datasheet figure. `calibration` None takes the declared one
    (1 for the reference device itself). Returns None where a needed figure is unknown.
    """
    with localcontext(DIGITS):
        link = Decimal(link_gbps) if link_gbps else chip.link_gbps
        factors = [base(chip, workload), memory_multiplier(chip, workload),
                   interconnect_multiplier(chip, workload, link) if in_gang else Decimal(1),
                   calibration if calibration is not None else declared_calibration(chip)]
        product = Decimal(REFERENCE_RATING) / chip.addressable_devices
        for factor in factors:
            if factor is None:
                return None
            product *= factor
        # Ten digits are dropped first, so that an exact 1 that arose as 0.999…9 stays 1.
        whole = product.quantize(Decimal("1e-30")).quantize(Decimal(1), rounding=ROUND_FLOOR)
        return int(whole)


def declared_calibration(chip: Chip) -> Decimal:
    """Return what an unmeasured device of this chip is discounted by."""
    return Decimal(1) if chip.id == REFERENCE_CHIP else DECLARED_CALIBRATION


def _time_without_link(chip: Chip, workload: WorkloadClass) -> Decimal | None:
    if chip.bf16_tflops is None or chip.memory_gbps is None:
        return None
    return (workload.compute * REFERENCE_TFLOPS / chip.bf16_tflops
            + workload.memory * REFERENCE_MEMORY_GBPS / chip.memory_gbps
            + workload.host)
