"""The datasheet: what is publicly known of each chip model, with a source a figure group.

Laws
----
* Peaks are dense; a row whose H100 is not 989/1979 is not ours to import (hal.md 2.2).
* Figures are kept as exact decimals of their text, never as floats; an unknown figure is None.
* A row is `is_verified` only when none of its sources says "unverified".
"""

import csv
import io
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from suanli.terms.errors import InputError

ORIGINS = ("foreign", "domestic", "either")
SOURCES = ("src_memory", "src_bandwidth", "src_compute", "src_interconnect", "src_tdp")
REFERENCE_CHIP = "h100-sxm-80"


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip model (a package). Figures: GB, GB/s, dense TFLOPS/TOPS, W."""

    id: str
    vendor: str
    model: str
    origin: str
    market: str
    addressable_devices: int  # per package; 2 for a 910C: rate the package, divide by this
    memory_gb: Decimal | None
    memory_gbps: Decimal | None
    bf16_tflops: Decimal | None  # FP16 stands in where BF16 is blank
    int8_tops: Decimal | None
    link: str
    link_gbps: Decimal | None
    power_w: Decimal | None
    framework: str
    sources: tuple[str, ...]
    confidence: str
    notes: str

    @property
    def is_verified(self) -> bool:
        claims = (*self.sources, self.confidence)
        return not any("unverified" in claim or not claim for claim in claims)


def parse(text: str, name: str = "datasheet.csv") -> dict[str, Chip]:
    """Return the chips of a datasheet by id, in file order.

    Raises
    ------
    InputError
        With file, line and column, for a missing column or a cell that cannot be read.
    """
    reader = csv.DictReader(io.StringIO(text))
    chips: dict[str, Chip] = {}
    for row in reader:
        where = f"{name}:{reader.line_num}"
        chip = _chip(row, where)
        if chip.id in chips:
            raise InputError(f"{where}: id: {chip.id!r} stands twice")
        chips[chip.id] = chip
    _check_reference(chips, name)
    return chips


def _chip(row: dict[str, str | None], where: str) -> Chip:
    def text(column: str) -> str:
        value = row.get(column)
        if value is None:
            raise InputError(f"{where}: {column}: the column is missing")
        return value.strip()

    def figure(*columns: str) -> Decimal | None:
        for column in columns:
            if text(column):
                return _decimal(text(column), f"{where}: {column}")
        return None

    if text("origin_class") not in ORIGINS:
        raise InputError(f"{where}: origin_class: found {text('origin_class')!r}; one of "
                         f"{', '.join(ORIGINS)} is accepted")
    devices = text("addressable_devices_per_package")
    if not devices.isdecimal() or not 1 <= int(devices) <= 64:
        raise InputError(f"{where}: addressable_devices_per_package: found {devices!r}; 1 to 64")
    return Chip(
        text("id"), text("vendor"), text("model"), text("origin_class"), text("market"),
        int(devices), figure("mem_gb"), figure("mem_bw_gbs"),
        figure("bf16_tflops_dense", "fp16_tflops_dense"), figure("int8_tops_dense"),
        text("scaleup_name"), figure("scaleup_gbs_bidir_per_device"), figure("tdp_w"),
        text("framework"), tuple(text(source) for source in SOURCES), text("confidence"),
        text("conflicts_and_notes"))


def _decimal(text: str, where: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise InputError(f"{where}: found {text!r}; a decimal number is accepted") from None
    if not value.is_finite() or value <= 0:
        raise InputError(f"{where}: found {text!r}; a positive number is accepted")
    return value


def _check_reference(chips: dict[str, Chip], name: str) -> None:
    chip = chips.get(REFERENCE_CHIP)
    if chip is None or (chip.bf16_tflops, chip.int8_tops) != (Decimal(989), Decimal(1979)):
        raise InputError(f"{name}: the reference row {REFERENCE_CHIP} must be there with dense "
                         "peaks 989 (BF16) and 1979 (8-bit)")
