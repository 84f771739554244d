"""`Clock`, on every implementation."""

import time

import pytest

from common.adapters.clock import SystemClock
from common.ports import Clock


@pytest.mark.parametrize("clock", [SystemClock()], ids=["system"])
@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_no_less_than_the_seconds_pass(clock: Clock, seconds: float) -> None:
    begun = time.monotonic()
    clock.sleep(seconds)
    assert time.monotonic() - begun >= seconds
