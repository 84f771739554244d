"""A Pub/Sub emulator that pushes, for the one-machine stack and for tests.

The real publisher and subscriber-admin clients work against it over insecure gRPC (`PUBSUB_EMULATOR_HOST`): topics,
push subscriptions, publish. Everything else of the API is refused with UNIMPLEMENTED and a sentence that names it.

What it promises: a publish is answered after its commit; a message stays in the data file until it is acknowledged,
dead-lettered, or fails past its subscription's retention, also when the process is killed (a power cut may lose the
last moments: commits are not flushed to the disk one by one). A 2xx reply acknowledges; anything else, or no reply
within the ack deadline, is one failed attempt and redelivers after the retry policy's backoff, doubling with each
attempt (without a policy: after 100 ms). Attempts are counted when they fail, so a push that a stop or a crash cuts
short is repeated under the same number.

What differs from the service: the number of pushes in flight is fixed for each subscription (`--in-flight`, in place
of the service's push flow control), subscriptions never expire, pushes carry no token.
"""
