"""What the package ships as files: the datasheet of chips."""

from importlib.resources import files


def datasheet_text() -> str:
    """Return the datasheet that the package ships; a chain carries its own copy."""
    return (files("suanli.chips") / "datasheet.csv").read_text(encoding="utf-8")
