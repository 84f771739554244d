"""Characters as RTF writes them: bytes of a code page and UTF-16 numbers, each with a stand-in for old readers."""

from __future__ import annotations


class RtfCharacters:
    """Collects what makes up the next words: numbers, then bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._units: list[int] = []
        self._to_skip = 0

    def add_bytes(self, data: bytes) -> None:
        """Take bytes of the code page, but for those that stand in for a number before them."""
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        self._bytes += data[skipped:]

    def add_unit(self, number: int, stand_ins: int) -> None:
        """Take a UTF-16 number; so many bytes after it stand in for it."""
        self._units.append(number & 0xFFFF)
        self._to_skip = stand_ins

    @property
    def end_in_bytes(self) -> bool:
        """True if bytes wait, which have to be taken before another number is added."""
        return bool(self._bytes)

    def take(self, code_page: str) -> str:
        """All that was collected: first the numbers, then the bytes that came behind them."""
        units = b"".join(unit.to_bytes(2, "little") for unit in self._units)
        words = units.decode("utf-16-le", errors="replace") + self._bytes.decode(code_page, errors="replace")
        self._units.clear()
        self._bytes.clear()
        return words

    def end_stand_ins(self) -> None:
        """Groups and control words end what stands in for a number."""
        self._to_skip = 0
