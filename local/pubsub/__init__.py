"""A Pub/Sub emulator that pushes, for the one-machine stack and for tests.

The real publisher and subscriber-admin clients work against it over insecure gRPC (`PUBSUB_EMULATOR_HOST`): topics,
push subscriptions, publish, and the permission to. Every other call, field and filter is refused with UNIMPLEMENTED.

What it promises: a publish is answered after its commit; a message stays in the data file until it is acknowledged or
dead-lettered, also when the process is killed (a power cut may lose the last moments: commits are not flushed to the
disk one by one). A reply that acknowledges ends a delivery; any other, or none within the ack deadline, is one failed
attempt and redelivers after the retry policy's backoff, doubling with each attempt (without a policy: after 100 ms).
Attempts are counted when they fail, so a push that a stop or a crash cuts short is repeated under the same number.
Where many messages wait, those that differ in a chosen attribute take turns; the service promises no order at all.

What differs from the service: messages and subscriptions never expire, a deleted topic that is made anew has its
subscriptions again, a list is one page, a retry policy names both its bounds, a subscription has a fixed number of
pushes in flight, and pushes carry no token.
"""

import signal

DELIVER = signal.SIGUSR1
"""Sent to a process that holds its messages back, it lets them go."""
