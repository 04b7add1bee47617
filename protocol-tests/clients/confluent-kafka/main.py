"""confluent-kafka (librdkafka) against a broker: administration, every codec, two groups, rebalances in both protocols, an
expression, a static member, the change of a group's protocol, commits, transactions.

Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
"""

import sys
import time
import uuid
from collections import Counter

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

BOOTSTRAP = sys.argv[1]
RUN = f"confluent-kafka-{uuid.uuid4().hex[:8]}"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
DEADLINE = 30
CLASSIC = {"session.timeout.ms": 10000}
# The broker assigns, and says how long a member may be silent.
CONSUMER = {"group.protocol": "consumer"}
admin = AdminClient({"bootstrap.servers": BOOTSTRAP})


def ok(promise):
    print("ok", promise, flush=True)


def wait(what, condition, step=lambda: time.sleep(0.01)):
    """Takes steps until the condition holds, and fails after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"still waiting for: {what}"
        step()


def result(futures):
    """The one result of an admin call for one thing."""
    (future,) = futures.values()
    return future.result(DEADLINE)


def refused(code, call):
    """The call must fail with exactly this error."""
    try:
        call()
    except KafkaException as error:
        assert error.args[0].code() == code, error
        return
    raise AssertionError(f"expected error {code}")


def create(topic, partitions, **config):
    result(admin.create_topics([NewTopic(topic, partitions, 1, config=config)]))
    wait(f"{topic} to be listed", lambda: topic in admin.list_topics(timeout=DEADLINE).topics)


def send(topic, numbers, codec="none"):
    """Produces the numbers, ten keys in turn, and waits until every one is acknowledged."""
    acknowledged = []

    def delivered(error, message):
        assert error is None, error
        acknowledged.append(message.offset())

    producer = Producer(
        {"bootstrap.servers": BOOTSTRAP, "compression.type": codec, "enable.idempotence": True, "linger.ms": 5}
    )
    for n in numbers:
        producer.produce(topic, str(n), f"key-{n % 10}", headers={"n": str(n), "codec": codec}, on_delivery=delivered)
    assert producer.flush(DEADLINE) == 0
    assert len(acknowledged) == len(numbers)


class Member:
    """A member of a group that remembers what it was given and commits before it gives partitions up."""

    def __init__(self, group, topic, seen, protocol=CLASSIC):
        self.seen, self.partitions, self.count = seen, set(), 0
        self.consumer = Consumer(
            {
                "bootstrap.servers": BOOTSTRAP,
                "group.id": group,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                **protocol,
            }
        )
        self.consumer.subscribe([topic], on_assign=self.assigned, on_revoke=self.revoked)

    def assigned(self, consumer, partitions):
        self.partitions |= {p.partition for p in partitions}

    def revoked(self, consumer, partitions):
        self.commit()
        self.partitions -= {p.partition for p in partitions}

    def commit(self):
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            assert error.args[0].code() == KafkaError._NO_OFFSET, error

    def poll(self):
        for message in self.consumer.consume(500, timeout=0.05):
            assert message.error() is None, message.error()
            self.count += 1
            self.seen.append(message)

    def close(self):
        self.commit()
        self.consumer.close()


def check_contents(messages, expected):
    """Every number once, on its key, with its headers, and in order per key."""
    numbers = [int(m.value()) for m in messages]
    assert Counter(numbers) == Counter(expected), "lost or duplicated records"
    last = {}
    for message, n in zip(messages, numbers):
        headers = dict(message.headers())
        assert message.key() == f"key-{n % 10}".encode() and headers["n"] == message.value()
        assert last.get(message.key(), -1) < n, f"{message.key()} out of order"
        last[message.key()] = n


def administration():
    topic = f"{RUN}-admin"
    create(topic, 3, **{"retention.ms": "3600000"})
    described = admin.list_topics(topic, timeout=DEADLINE).topics[topic]
    assert sorted(described.partitions) == [0, 1, 2]
    ok("create topic with 3 partitions")
    refused(KafkaError.TOPIC_ALREADY_EXISTS, lambda: create(topic, 3))
    refused(KafkaError.INVALID_CONFIG, lambda: create(f"{topic}-bad", 1, **{"retention.ms": "soon"}))
    refused(KafkaError.INVALID_REPLICATION_FACTOR, lambda: result(admin.create_topics([NewTopic(f"{topic}-3", 1, 3)])))
    ok("refuse an existing topic, an invalid config, a replication factor of 3")

    resource = ConfigResource(ResourceType.TOPIC, topic)
    config = lambda: result(admin.describe_configs([resource]))
    assert config()["retention.ms"].value == "3600000" and not config()["retention.ms"].is_default
    entry = ConfigEntry("max.message.bytes", "65536", incremental_operation=AlterConfigOpType.SET)
    result(admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]))
    wait("the altered config", lambda: config()["max.message.bytes"].value == "65536")
    assert config()["retention.ms"].value == "3600000" and config()["cleanup.policy"].is_default
    ok("describe and alter configs")

    result(admin.create_partitions([NewPartitions(topic, 5)]))
    wait("5 partitions", lambda: len(admin.list_topics(topic, timeout=DEADLINE).topics[topic].partitions) == 5)
    ok("add partitions")

    before = int(time.time() * 1000)
    send(topic, range(100))
    offsets = lambda spec: [
        f.result(DEADLINE).offset
        for f in admin.list_offsets({TopicPartition(topic, p): spec for p in range(5)}).values()
    ]
    assert sum(offsets(OffsetSpec.latest())) == 100
    assert offsets(OffsetSpec.for_timestamp(before)) == [0 if end else -1 for end in offsets(OffsetSpec.latest())]
    ends = offsets(OffsetSpec.latest())
    deleted = admin.delete_records([TopicPartition(topic, p, end) for p, end in enumerate(ends)])
    assert [f.result(DEADLINE).low_watermark for f in deleted.values()] == ends
    assert offsets(OffsetSpec.earliest()) == ends
    ok("list offsets by time, delete records")

    result(admin.delete_topics([topic]))
    wait("the topic to be gone", lambda: topic not in admin.list_topics(timeout=DEADLINE).topics)
    refused(KafkaError.UNKNOWN_TOPIC_OR_PART, lambda: result(admin.delete_topics([topic])))
    ok("delete topic, refuse an unknown one")


def codecs_and_groups(topic):
    create(topic, 4)
    for i, codec in enumerate(CODECS):
        send(topic, range(i * 1000, i * 1000 + 1000), codec)
        ok(f"produce {codec} 1000 records, idempotent")
    for group in (f"{RUN}-a", f"{RUN}-b"):
        seen = []
        member = Member(group, topic, seen)
        wait("5000 records", lambda: len(seen) >= 5000, member.poll)
        member.close()
        check_contents(seen, range(5000))
        ok(f"group {group[-1]} gets every record of every codec, in order per key, with headers")


def rebalance(topic, group, name, protocol):
    create(topic, 4)
    seen = []
    first = Member(group, topic, seen, protocol)
    send(topic, range(1000))
    wait("the first 1000", lambda: len(seen) >= 1000, first.poll)

    second = Member(group, topic, seen, protocol)
    both = lambda: (first.poll(), second.poll())
    wait("two partitions each", lambda: len(first.partitions) == len(second.partitions) == 2, both)
    assert first.partitions | second.partitions == {0, 1, 2, 3}
    send(topic, range(1000, 2000))
    wait("the second 1000", lambda: len(seen) >= 2000, both)
    assert second.count > 0
    second.close()
    wait("all partitions back", lambda: len(first.partitions) == 4, first.poll)
    send(topic, range(2000, 3000))
    wait("the third 1000", lambda: len(seen) >= 3000, first.poll)
    check_contents(seen, range(3000))
    ok(f"{name}: a second member takes two partitions over and gives them back; nothing lost or duplicated")

    (description,) = [f.result(DEADLINE) for f in admin.describe_consumer_groups([group]).values()]
    assert len(description.members) == 1 and description.state.name == "STABLE"
    assert group in [g.group_id for g in admin.list_consumer_groups().result(DEADLINE).valid]
    first.close()
    offsets = result(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])).topic_partitions
    assert sum(p.offset for p in offsets) == 3000
    send(topic, [3000])
    later = []
    third = Member(group, topic, later, protocol)
    wait("what follows the commits", lambda: later, third.poll)
    third.close()
    assert [int(m.value()) for m in later] == [3000]
    ok("commits survive the members; describe and list the group")
    result(admin.delete_consumer_groups([group]))
    refused(KafkaError.GROUP_ID_NOT_FOUND, lambda: result(admin.delete_consumer_groups([group])))
    ok("delete the group")


def expression(topic):
    create(f"{topic}-1", 2)
    send(f"{topic}-1", range(1000))
    seen = []
    member = Member(f"{topic}-group", f"^{topic}-[0-9]", seen, CONSUMER)
    wait("the first topic", lambda: len(seen) >= 1000, member.poll)
    create(f"{topic}-2", 2)
    send(f"{topic}-2", range(1000, 2000))
    wait("the second topic", lambda: len(seen) >= 2000, member.poll)
    member.close()
    check_contents(seen, range(2000))
    ok("consumer protocol: an expression finds topics as they come")


def static_member(topic):
    create(topic, 4)
    seen, group = [], f"{topic}-group"
    fixed = {**CONSUMER, "group.instance.id": "one"}
    first, other = Member(group, topic, seen, fixed), Member(group, topic, seen, CONSUMER)
    both = lambda: (first.poll(), other.poll())
    wait("two partitions each", lambda: len(first.partitions) == len(other.partitions) == 2, both)
    before, others = set(first.partitions), set(other.partitions)
    first.close()
    send(topic, range(1000))
    first = Member(group, topic, seen, fixed)
    wait("every record", lambda: len(seen) >= 1000, lambda: (first.poll(), other.poll()))
    assert first.partitions == before and other.partitions == others
    first.close()
    other.close()
    check_contents(seen, range(1000))
    ok("consumer protocol: a static member that returns has what it had, and the other keeps what it has")


def migration(topic):
    create(topic, 4)
    seen, group = [], f"{topic}-group"
    old = Member(group, topic, seen, CLASSIC)
    send(topic, range(1000))
    wait("the first 1000", lambda: len(seen) >= 1000, old.poll)
    new = Member(group, topic, seen, CONSUMER)
    both = lambda: (old.poll(), new.poll())
    wait("two partitions each", lambda: len(old.partitions) == len(new.partitions) == 2, both)
    send(topic, range(1000, 2000))
    wait("the second 1000", lambda: len(seen) >= 2000, both)
    new.close()
    wait("all partitions back", lambda: len(old.partitions) == 4, old.poll)
    send(topic, range(2000, 3000))
    wait("the third 1000", lambda: len(seen) >= 3000, old.poll)
    old.close()
    check_contents(seen, range(3000))
    ok("a group goes over to the consumer protocol and back while its members read; nothing lost or duplicated")


def transactions(topic, group):
    create(topic, 4)
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": RUN})
    producer.init_transactions(DEADLINE)
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": group, "isolation.level": "read_committed"})
    for first, end in (0, producer.abort_transaction), (100, producer.commit_transaction):
        producer.begin_transaction()
        for n in range(first, first + 100):
            producer.produce(topic, str(n), partition=n % 4)
        position = [TopicPartition(topic, 0, first + 1)]
        producer.send_offsets_to_transaction(position, consumer.consumer_group_metadata(), DEADLINE)
        end(DEADLINE)
    consumer.assign([TopicPartition(topic, p, 0) for p in range(4)])
    seen = []
    wait("100 records", lambda: len(seen) >= 100, lambda: seen.extend(consumer.consume(100, timeout=0.05)))
    assert sorted(int(m.value()) for m in seen) == list(range(100, 200))
    (committed,) = consumer.committed([TopicPartition(topic, 0)], DEADLINE)
    assert committed.offset == 101, committed
    consumer.close()
    ok("transactions: what is committed is read, and the position with it; what is aborted is not")


administration()
codecs_and_groups(f"{RUN}-codecs")
rebalance(f"{RUN}-rebalance", f"{RUN}-group", "rebalance", CLASSIC)
rebalance(f"{RUN}-consumer", f"{RUN}-consumers", "consumer protocol", CONSUMER)
expression(f"{RUN}-expression")
static_member(f"{RUN}-static")
migration(f"{RUN}-migration")
transactions(f"{RUN}-transactions", f"{RUN}-positions")
ours = [topic for topic in admin.list_topics(timeout=DEADLINE).topics if topic.startswith(RUN)]
for future in admin.delete_topics(ours).values():
    future.result(DEADLINE)
print(f"version confluent-kafka {confluent_kafka.version()}, librdkafka {confluent_kafka.libversion()[0]}")
