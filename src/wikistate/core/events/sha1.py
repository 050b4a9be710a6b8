"""SHA-1 digests in the form of events and of MediaWiki's database."""

from __future__ import annotations

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def to_base36_sha1(hexadecimal: str) -> str:
    """Convert a hexadecimal digest to base 36, padded to 31 characters."""
    number = int(hexadecimal, 16)
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(31, "0")
