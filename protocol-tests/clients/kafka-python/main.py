"""kafka-python (a client in pure Python) against a broker: administration, every codec, two groups, a rebalance, commits, transactions.

Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
"""

import sys
import time
import uuid
from collections import Counter

import kafka
from kafka import AsyncConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition, errors
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.structs import OffsetAndMetadata

BOOTSTRAP = sys.argv[1]
RUN = f"kafka-python-{uuid.uuid4().hex[:8]}"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
DEADLINE = 30
admin = KafkaAdminClient(bootstrap_servers=BOOTSTRAP)


def ok(promise):
    print("ok", promise, flush=True)


def wait(what, condition, step=lambda: time.sleep(0.01)):
    """Takes steps until the condition holds, and fails after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"still waiting for: {what}"
        step()


def refused(error, call):
    """The call must fail with exactly this error."""
    try:
        call()
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


def create(topic, partitions, replicas=1, **configs):
    settings = {"num_partitions": partitions, "replication_factor": replicas, "configs": configs}
    admin.create_topics({topic: settings}, wait_for_metadata=True)


def partition_count(topic):
    (described,) = admin.describe_topics([topic])
    return len(described["partitions"])


def send(topic, numbers, codec="none"):
    """Produces the numbers, ten keys in turn, and waits until every one is acknowledged."""
    compression = None if codec == "none" else codec
    with KafkaProducer(bootstrap_servers=BOOTSTRAP, compression_type=compression, linger_ms=5) as producer:
        assert producer.config["enable_idempotence"]
        sent = [
            producer.send(
                topic,
                value=str(n).encode(),
                key=f"key-{n % 10}".encode(),
                headers=[("n", str(n).encode()), ("codec", codec.encode())],
            )
            for n in numbers
        ]
        for future in sent:
            assert future.get(DEADLINE).offset >= 0


class Member(AsyncConsumerRebalanceListener):
    """A member of a group that remembers what it was given and commits before it gives partitions up."""

    def __init__(self, group, topic, seen):
        self.seen, self.partitions, self.count = seen, set(), 0
        self.consumer = KafkaConsumer(
            bootstrap_servers=BOOTSTRAP,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=10000,
            heartbeat_interval_ms=500,
        )
        self.consumer.subscribe([topic], listener=self)

    async def on_partitions_assigned(self, assigned):
        self.partitions |= {p.partition for p in assigned}

    async def on_partitions_revoked(self, revoked):
        if revoked:
            await self.consumer.commit_async()
        self.partitions -= {p.partition for p in revoked}

    def poll(self):
        for messages in self.consumer.poll(timeout_ms=50).values():
            self.count += len(messages)
            self.seen.extend(messages)

    def close(self):
        self.consumer.close()


def check_contents(messages, expected):
    """Every number once, on its key, with its headers, and in order per key."""
    numbers = [int(m.value) for m in messages]
    assert Counter(numbers) == Counter(expected), "lost or duplicated records"
    last = {}
    for message, n in zip(messages, numbers):
        assert message.key == f"key-{n % 10}".encode() and dict(message.headers)["n"] == message.value
        assert last.get(message.key, -1) < n, f"{message.key} out of order"
        last[message.key] = n


def administration():
    topic = f"{RUN}-admin"
    create(topic, 3, **{"retention.ms": "3600000"})
    assert partition_count(topic) == 3 and topic in admin.list_topics()
    ok("create topic with 3 partitions")
    refused(errors.TopicAlreadyExistsError, lambda: create(topic, 3))
    refused(errors.InvalidConfigurationError, lambda: create(f"{topic}-bad", 1, **{"retention.ms": "soon"}))
    refused(errors.InvalidReplicationFactorError, lambda: create(f"{topic}-3", 1, replicas=3))
    ok("refuse an existing topic, an invalid config, a replication factor of 3")

    resource = lambda configs=None: [ConfigResource(ConfigResourceType.TOPIC, topic, configs)]
    config = lambda: admin.describe_configs(resource(), config_filter="all")["topic"][topic]
    assert config()["retention.ms"]["value"] == "3600000"
    assert config()["retention.ms"]["config_source"] == "DYNAMIC_TOPIC_CONFIG"
    assert admin.alter_configs(resource({"max.message.bytes": "65536"}))["topic"][topic] == "OK"
    wait("the altered config", lambda: config()["max.message.bytes"]["value"] == "65536")
    assert config()["retention.ms"]["value"] == "3600000"
    assert config()["cleanup.policy"]["config_source"] == "DEFAULT_CONFIG"
    ok("describe and alter configs")

    admin.create_partitions({topic: 5})
    wait("5 partitions", lambda: partition_count(topic) == 5)
    ok("add partitions")

    before = int(time.time() * 1000)
    send(topic, range(100))
    partitions = [TopicPartition(topic, p) for p in range(5)]
    offsets = lambda spec: {p: o.offset for p, o in admin.list_partition_offsets({p: spec for p in partitions}).items()}
    ends = offsets(OffsetSpec.LATEST)
    assert sum(ends.values()) == 100
    assert offsets(before) == {p: 0 if end else -1 for p, end in ends.items()}
    deleted = admin.delete_records(ends)
    assert {p: d["low_watermark"] for p, d in deleted.items()} == ends == offsets(OffsetSpec.EARLIEST)
    ok("list offsets by time, delete records")

    admin.delete_topics([topic])
    wait("the topic to be gone", lambda: topic not in admin.list_topics())
    refused(errors.UnknownTopicOrPartitionError, lambda: admin.delete_topics([topic]))
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


def rebalance(topic, group):
    create(topic, 4)
    seen = []
    first = Member(group, topic, seen)
    send(topic, range(1000))
    wait("the first 1000", lambda: len(seen) >= 1000, first.poll)

    second = Member(group, topic, seen)
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
    ok("rebalance: a second member takes two partitions over and gives them back; nothing lost or duplicated")

    described = admin.describe_groups([group])[group]
    assert described["group_state"] == "Stable" and len(described["members"]) == 1
    assert group in [g["group_id"] for g in admin.list_groups()]
    first.close()
    assert sum(o.offset for o in admin.list_group_offsets(group)[group].values()) == 3000
    send(topic, [3000])
    later = []
    third = Member(group, topic, later)
    wait("what follows the commits", lambda: later, third.poll)
    third.close()
    assert [int(m.value) for m in later] == [3000]
    ok("commits survive the members; describe and list the group")
    assert admin.delete_groups([group]) == {group: "OK"}
    assert admin.delete_groups([group]) == {group: "GroupIdNotFoundError"}
    ok("delete the group, refuse an unknown one")


def transactions(topic, group):
    create(topic, 4)
    partitions = [TopicPartition(topic, p) for p in range(4)]
    producer = KafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=RUN)
    producer.init_transactions()
    for first, end in (0, producer.abort_transaction), (100, producer.commit_transaction):
        producer.begin_transaction()
        for n in range(first, first + 100):
            producer.send(topic, str(n).encode(), partition=n % 4)
        position = {partitions[0]: OffsetAndMetadata(first + 1, "", -1)}
        producer.send_offsets_to_transaction(position, group)
        end()
    producer.close()
    consumer = KafkaConsumer(
        bootstrap_servers=BOOTSTRAP, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    consumer.assign(partitions)
    seen = []
    poll = lambda: [seen.extend(messages) for messages in consumer.poll(timeout_ms=50).values()]
    wait("100 records", lambda: len(seen) >= 100, poll)
    consumer.close()
    assert sorted(int(m.value) for m in seen) == list(range(100, 200))
    committed = admin.list_group_offsets(group)[group]
    assert {p: o.offset for p, o in committed.items()} == {partitions[0]: 101}
    ok("transactions: what is committed is read, and the position with it; what is aborted is not")


administration()
codecs_and_groups(f"{RUN}-codecs")
rebalance(f"{RUN}-rebalance", f"{RUN}-group")
transactions(f"{RUN}-transactions", f"{RUN}-positions")
admin.delete_topics([f"{RUN}-codecs", f"{RUN}-rebalance", f"{RUN}-transactions"])
admin.close()
print(f"version kafka-python {kafka.__version__}")
