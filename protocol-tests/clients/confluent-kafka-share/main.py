"""confluent-kafka's share consumer (librdkafka's preview) against a broker: implicit and explicit acknowledgements, release,
reject, locks that time out, close, two members on one partition.

Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
"""

import sys
import time
import uuid

import confluent_kafka
from confluent_kafka import AcknowledgeType, Producer, ShareConsumer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

BOOTSTRAP = sys.argv[1]
RUN = f"confluent-kafka-share-{uuid.uuid4().hex[:8]}"
DEADLINE = 30
LOCK = 15
"""Seconds of the shortest lock that a broker allows by default."""
admin = AdminClient({"bootstrap.servers": BOOTSTRAP})


def ok(promise):
    print("ok", promise, flush=True)


def result(futures):
    """The one result of an admin call for one thing."""
    (future,) = futures.values()
    return future.result(DEADLINE)


def begin(what):
    """A topic with one partition, and a group of the same name that begins at its beginning."""
    name = f"{RUN}-{what}"
    result(admin.create_topics([NewTopic(name, 1, 1)]))
    settings = {"share.auto.offset.reset": "earliest", "share.record.lock.duration.ms": str(LOCK * 1000)}
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in settings.items()
    ]
    group = ConfigResource(ResourceType.GROUP, name, incremental_configs=entries)
    result(admin.incremental_alter_configs([group]))
    return name


def send(topic, numbers):
    """Produces the numbers and waits until every one is acknowledged."""
    acknowledged = []
    producer = Producer({"bootstrap.servers": BOOTSTRAP})
    for n in numbers:
        producer.produce(topic, str(n), on_delivery=lambda error, message: acknowledged.append(error))
    assert producer.flush(DEADLINE) == 0
    assert acknowledged == [None] * len(numbers)


def member(name, mode):
    consumer = ShareConsumer({"bootstrap.servers": BOOTSTRAP, "group.id": name, "share.acknowledgement.mode": mode})
    consumer.subscribe([name])
    return consumer


def poll(consumer, seconds):
    messages = list(consumer.poll(seconds))
    for message in messages:
        assert message.error() is None, message.error()
    return messages


def take(consumer, count):
    """Waits for that many messages in one poll after the other; each poll but the last is accepted."""
    taken, end = [], time.monotonic() + DEADLINE
    while len(taken) < count:
        assert time.monotonic() < end, f"{len(taken)} messages of {count}"
        taken += poll(consumer, 1)
    return taken


def numbers(messages):
    return sorted(int(message.value()) for message in messages)


def commit(consumer):
    """Sends the acknowledgements; every one has to be taken."""
    outcome = consumer.commit_sync(DEADLINE)
    assert outcome and set(outcome.values()) == {None}, outcome


def settle(consumer, messages, judge=lambda n: AcknowledgeType.ACCEPT):
    for message in messages:
        consumer.acknowledge(message, judge(int(message.value())))
    commit(consumer)


def implicit(name):
    send(name, range(100))
    first = member(name, "implicit")
    messages = take(first, 100)
    assert numbers(messages) == list(range(100))
    assert {message.delivery_count() for message in messages} == {1}
    commit(first)
    first.close()
    send(name, [100])
    later = member(name, "implicit")
    assert numbers(take(later, 1)) == [100]
    later.close()
    ok("implicit: what a poll returned is acknowledged by commit_sync, and is never seen again")


def release_and_reject(name):
    send(name, range(5))
    consumer = member(name, "explicit")
    messages = take(consumer, 5)
    settle(consumer, messages, lambda n: AcknowledgeType.RELEASE if n == 2 else AcknowledgeType.ACCEPT)
    (again,) = take(consumer, 1)
    assert (again.value(), again.delivery_count()) == (b"2", 2)
    settle(consumer, [again], lambda n: AcknowledgeType.REJECT)
    send(name, [5])
    later = take(consumer, 1)
    assert numbers(later) == [5]
    settle(consumer, later)
    consumer.close()
    ok("explicit: a released message comes again with delivery count 2, a rejected one never")


def closing(name):
    send(name, range(10))
    consumer = member(name, "explicit")
    assert len(take(consumer, 10)) == 10
    consumer.close()
    closed = time.monotonic()
    successor = member(name, "explicit")
    messages = take(successor, 10)
    assert time.monotonic() - closed < LOCK / 2, "messages waited for their locks to time out"
    settle(successor, messages)
    successor.close()
    ok("close: what a member had goes to the next one at once")


def time_out(name):
    send(name, range(3))
    slow = member(name, "explicit")
    messages = take(slow, 3)
    taken = time.monotonic()
    other = member(name, "explicit")
    again = take(other, 3)
    assert time.monotonic() - taken > LOCK - 3, time.monotonic() - taken
    assert {message.delivery_count() for message in again} == {2}
    for message in messages:
        slow.acknowledge(message)
    late = slow.commit_sync(DEADLINE)
    assert late and None not in late.values(), late
    settle(other, again)
    slow.close()
    other.close()
    ok("a lock times out: the messages go to the other member, and an acknowledgement that comes late is refused")


def two_members(name):
    members = [member(name, "implicit"), member(name, "implicit")]
    seen, end = [[], []], time.monotonic() + DEADLINE
    sent = 0
    while sum(map(len, seen)) < 1000:
        assert time.monotonic() < end, list(map(len, seen))
        if sent < 1000:
            send(name, range(sent, sent + 50))
            sent += 50
        for consumer, mine in zip(members, seen):
            mine += poll(consumer, 0.1)
    assert all(seen), list(map(len, seen))
    assert numbers(seen[0] + seen[1]) == list(range(1000))
    for consumer in members:
        consumer.close()
    ok("two members work on one partition, and every message goes to one of them")


implicit(begin("implicit"))
release_and_reject(begin("release"))
closing(begin("close"))
two_members(begin("two"))
time_out(begin("timeout"))
print(f"version confluent-kafka {confluent_kafka.version()}, librdkafka {confluent_kafka.libversion()[0]}")
