"""Whose message is next, where many wait: sources take turns, so that none waits behind all that another has."""

_PRUNED_ABOVE = 1000


class Turns:
    """The turns of one queue, from the lowest on; those that have the same go in the order of their coming.

    Start-time fair queueing (Goyal, Vin and Cheng, 1996) with messages of equal cost: a source's next message is a
    round behind its last one, and what comes anew is no more than a round behind what is served.
    """

    def __init__(self, served: int = 0) -> None:
        """`served` is a turn that no waiting message comes before."""
        self._served = served
        self._last: dict[str, int] = {}

    def next(self, source: str | None) -> int:
        """The turn of the message that comes now; without a source it is its own."""
        if source is None:
            return self._served + 1
        turn = max(self._served, self._last.get(source, 0)) + 1
        self._last[source] = turn
        if len(self._last) > _PRUNED_ABOVE:
            self._last = {each: last for each, last in self._last.items() if last > self._served}
        return turn

    def take(self, turn: int) -> None:
        """A message of this turn is served."""
        self._served = max(self._served, turn)
