"""`docs/prices.yaml`: what each thing costs, by whose word and of when, and how much of it is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import yaml

from deployment.archive import CHECKOUT

FILE = CHECKOUT / "docs" / "prices.yaml"


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list price for one of the unit; `verified` where it was read at its source on the date."""

    price: float
    unit: str
    source: str
    date: date
    verified: bool


class Quantity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that a cost rests on, and where it is from."""

    value: float
    why: str


class Prices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the file."""

    currency: str
    prices: dict[str, Price]
    quantities: dict[str, Quantity]

    def quantity(self, name: str) -> float:
        """The value of the quantity of this name."""
        return self.quantities[name].value

    def item(self, what: str, price: str, amount: float) -> Item:
        """So much of the thing of this price."""
        return Item(what, price, amount * self.prices[price].price)


@dataclass(frozen=True)
class Item:
    """A line of a bill; `price` names the price that it was reckoned with."""

    what: str
    price: str
    cost: float


def read_prices(file: Path = FILE) -> Prices:
    """The prices in the file; raises `msgspec.ValidationError` naming what does not belong there."""
    return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), Prices)
