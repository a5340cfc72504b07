"""What the package ships as files: the datasheet of chips, and their slice profiles."""

from importlib.resources import files


def datasheet_text() -> str:
    """Return the datasheet that the package ships; a chain carries its own copy."""
    return (files("suanli.chips") / "datasheet.csv").read_text(encoding="utf-8")


def slices_text() -> str:
    """Return the table of slice profiles that the package ships; a chain carries its own copy."""
    return (files("suanli.chips") / "slices.csv").read_text(encoding="utf-8")
