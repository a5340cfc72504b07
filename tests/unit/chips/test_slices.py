"""The shipped table reads whole; slices stand beside each other as the MIG User Guide has it."""

from math import ceil

import pytest

from suanli.adapters.shipped import datasheet_text, slices_text
from suanli.chips import datasheet
from suanli.chips.slices import Profile, parse, smallest, units_for
from suanli.terms.errors import InputError

SHEET = datasheet.parse(datasheet_text())
TABLE = parse(slices_text(), SHEET)
H100, ASCEND = TABLE["h100-sxm-80"], TABLE["ascend-910b3-64"]


def named(profiles: tuple[Profile, ...], name: str) -> Profile:
    return next(profile for profile in profiles if profile.name == name)


def stood(profiles: tuple[Profile, ...], *names: str) -> list[int | None]:
    """Put slices on one empty device, one after another; return the units that each takes."""
    standing, found = 0, []
    for name in names:
        units = units_for(profiles, named(profiles, name), standing)
        found.append(units)
        standing |= units or 0
    return found


def test_every_row_has_a_source_and_is_no_larger_than_its_chip() -> None:
    for chip, profiles in TABLE.items():
        for profile in profiles:
            assert profile.source
            assert profile.confidence
            # Vendors round a slice's memory to whole GB in its name: 94 / 8 is called 12.
            most = (SHEET[chip].memory_gb or 0) * profile.size / profile.units
            assert profile.memory_gb <= ceil(most)
            assert profile.share * profile.instances_max <= 1000


def test_the_profiles_of_an_h100_are_those_of_the_guide() -> None:
    """MIG User Guide, "H100 MIG Profiles": fractions of SMs, number of instances available."""
    assert [(p.name, p.numerator, p.denominator, p.size, p.instances_max) for p in H100] == [
        ("1g.10gb", 1, 7, 1, 7), ("1g.20gb", 1, 7, 2, 4), ("2g.20gb", 2, 7, 2, 3),
        ("3g.40gb", 3, 7, 4, 2), ("4g.40gb", 4, 7, 4, 1), ("7g.80gb", 7, 7, 8, 1)]


@pytest.mark.parametrize(("names", "fits"), [
    (("3g.40gb", "3g.40gb"), True),
    (("4g.40gb", "3g.40gb"), True),
    (("3g.40gb", "4g.40gb"), True),  # the 3g leaves the one place of a 4g open
    (("4g.40gb", "4g.40gb"), False),
    (("2g.20gb", "2g.20gb", "2g.20gb", "1g.10gb"), True),
    (("2g.20gb", "2g.20gb", "2g.20gb", "2g.20gb"), False),
    (("3g.40gb", "2g.20gb", "1g.20gb"), True),
    (("3g.40gb", "2g.20gb", "1g.20gb", "1g.10gb"), False),  # memory is out, compute is not
    (("1g.10gb",) * 7, True),
    (("1g.10gb",) * 8, False),
    (("1g.10gb", "1g.10gb", "1g.10gb", "4g.40gb"), True),  # small ones keep out of the way
    (("1g.10gb", "7g.80gb"), False),
])
def test_combinations_on_an_h100(names: tuple[str, ...], fits: bool) -> None:
    assert (None not in stood(H100, *names)) == fits


def test_slices_stand_where_most_places_stay_open() -> None:
    assert stood(H100, "1g.10gb", "2g.20gb", "3g.40gb") == [0b0100_0000, 0b0011_0000, 0b1111]


def test_templates_without_places_take_any_free_units() -> None:
    half, quarter = named(ASCEND, "vir10_3c_32g"), named(ASCEND, "vir05_1c_16g")
    assert stood(ASCEND, quarter.name, half.name, quarter.name) != [None] * 3
    assert units_for(ASCEND, half, 0b0101) == 0b1010  # apart from each other
    assert units_for(ASCEND, half, 0b0111) is None


@pytest.mark.parametrize(("share", "memory_gb", "name"), [
    (1, 0, "1g.10gb"), (142, 10, "1g.10gb"), (143, 0, "2g.20gb"), (1, 11, "1g.20gb"),
    (200, 0, "2g.20gb"), (1, 40, "3g.40gb"), (429, 0, "4g.40gb"), (572, 0, "7g.80gb"),
    (1, 81, None)])
def test_the_smallest_that_holds_it(share: int, memory_gb: int, name: str | None) -> None:
    found = smallest(H100, share, memory_gb)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(("old", "new", "says"), [
    ("h100-sxm-80,1g.10gb", "h900,1g.10gb", "'h900' is not in the datasheet"),
    ("h100-sxm-80,1g.20gb", "h100-sxm-80,1g.10gb", "stands twice"),
    (",0 2 4 6,4,", ",0 2 4 6,5,", "the places give 4"),
    (",0 2 4 6,4,", ",0 2 4 7,4,", "numbers up to 6"),
    ("1g.10gb,1,7", "1g.10gb,8,7", "1 to 7 is accepted"),
    ("2g.20gb,2,7,20,8", "2g.20gb,2,7,20,7", "8 in the rows before"),
    ("compute_numerator", "compute", "column is missing"),
])
def test_a_bad_row_is_named(old: str, new: str, says: str) -> None:
    assert old in slices_text()
    with pytest.raises(InputError, match=r"sheet\.csv:\d+: ") as caught:
        parse(slices_text().replace(old, new, 1), SHEET, "sheet.csv")
    assert says in str(caught.value)
