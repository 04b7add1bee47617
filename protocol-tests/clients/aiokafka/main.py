"""aiokafka (asyncio) against a broker: administration, every codec, two groups, a rebalance, commits, transactions.

Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
"""

import asyncio
import sys
import time
import uuid
from collections import Counter

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

BOOTSTRAP = sys.argv[1]
RUN = f"aiokafka-{uuid.uuid4().hex[:8]}"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
DEADLINE = 30


def ok(promise):
    print("ok", promise, flush=True)


async def wait(what, condition):
    """Lets the loop run until the condition (plain or awaitable) holds, and fails after the deadline."""
    end = time.monotonic() + DEADLINE
    while True:
        holds = condition()
        if await holds if asyncio.iscoroutine(holds) else holds:
            return
        assert time.monotonic() < end, f"still waiting for: {what}"
        await asyncio.sleep(0.01)


async def send(topic, numbers, codec="none"):
    """Produces the numbers, ten keys in turn, and waits until every one is acknowledged."""
    compression = None if codec == "none" else codec
    async with AIOKafkaProducer(
        bootstrap_servers=BOOTSTRAP, compression_type=compression, enable_idempotence=True, linger_ms=5
    ) as producer:
        sent = [
            await producer.send(
                topic,
                value=str(n).encode(),
                key=f"key-{n % 10}".encode(),
                headers=[("n", str(n).encode()), ("codec", codec.encode())],
            )
            for n in numbers
        ]
        assert all(r.offset >= 0 for r in await asyncio.wait_for(asyncio.gather(*sent), DEADLINE))


class Member(ConsumerRebalanceListener):
    """A member of a group that remembers what it was given and commits before it gives partitions up."""

    def __init__(self, group, topic, seen):
        self.seen, self.partitions, self.count = seen, set(), 0
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=BOOTSTRAP,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=10000,
            heartbeat_interval_ms=500,
        )
        self.consumer.subscribe([topic], listener=self)

    async def __aenter__(self):
        await self.consumer.start()
        self.reader = asyncio.create_task(self.read())
        return self

    async def read(self):
        async for message in self.consumer:
            self.count += 1
            self.seen.append(message)

    async def on_partitions_assigned(self, assigned):
        self.partitions = {p.partition for p in assigned}

    async def on_partitions_revoked(self, revoked):
        if revoked:
            await self.consumer.commit()
        self.partitions = set()

    async def __aexit__(self, *_):
        self.reader.cancel()
        await self.consumer.commit()
        await self.consumer.stop()


def check_contents(messages, expected):
    """Every number once, on its key, with its headers, and in order per key."""
    numbers = [int(m.value) for m in messages]
    assert Counter(numbers) == Counter(expected), "lost or duplicated records"
    last = {}
    for message, n in zip(messages, numbers):
        assert message.key == f"key-{n % 10}".encode() and dict(message.headers)["n"] == message.value
        assert last.get(message.key, -1) < n, f"{message.key} out of order"
        last[message.key] = n


async def create(admin, topic, partitions, replicas=1, **configs):
    response = await admin.create_topics([NewTopic(topic, partitions, replicas, topic_configs=configs)])
    (result,) = response.to_object()["topic_errors"]
    if result["error_code"]:
        raise for_code(result["error_code"])(result["error_message"])

    async def led():
        (described,) = await admin.describe_topics([topic])
        return len(described["partitions"]) == partitions

    await wait(f"{topic} to be listed", led)


async def delete(admin, *topics):
    response = await admin.delete_topics(list(topics))
    for result in response.to_object()["topic_error_codes"]:
        if result["error_code"]:
            raise for_code(result["error_code"])(result["topic"])


async def refused(error, call):
    """The call must fail with exactly this error."""
    try:
        await call
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


async def administration(admin):
    topic = f"{RUN}-admin"
    await create(admin, topic, 3, **{"retention.ms": "3600000"})
    ok("create topic with 3 partitions")
    await refused(TopicAlreadyExistsError, create(admin, topic, 3))
    await refused(InvalidConfigurationError, create(admin, f"{topic}-bad", 1, **{"retention.ms": "soon"}))
    await refused(InvalidReplicationFactorError, create(admin, f"{topic}-3", 1, replicas=3))
    ok("refuse an existing topic, an invalid config, a replication factor of 3")

    async def config(name):
        (response,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        (resource,) = response.to_object()["resources"]
        (entry,) = [e for e in resource["config_entries"] if e["config_names"] == name]
        return entry["config_value"], entry["config_source"]

    TOPIC_CONFIG, DEFAULT_CONFIG = 1, 5
    assert await config("retention.ms") == ("3600000", TOPIC_CONFIG)
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "65536"})])

    async def altered():
        return await config("max.message.bytes") == ("65536", TOPIC_CONFIG)

    await wait("the altered config", altered)
    assert await config("retention.ms") == ("604800000", DEFAULT_CONFIG)
    ok("describe configs, replace the whole set of them")

    await admin.create_partitions({topic: NewPartitions(5)})

    async def five():
        (described,) = await admin.describe_topics([topic])
        return len(described["partitions"]) == 5

    await wait("5 partitions", five)
    ok("add partitions")

    before = int(time.time() * 1000)
    await send(topic, range(100))
    partitions = [TopicPartition(topic, p) for p in range(5)]
    async with AIOKafkaConsumer(bootstrap_servers=BOOTSTRAP) as consumer:
        ends = await consumer.end_offsets(partitions)
        assert sum(ends.values()) == 100
        timed = await consumer.offsets_for_times({p: before for p in partitions})
        assert {p: o and o.offset for p, o in timed.items()} == {p: 0 if end else None for p, end in ends.items()}
        assert await admin.delete_records({p: RecordsToDelete(end) for p, end in ends.items()}) == ends
        assert await consumer.beginning_offsets(partitions) == ends
    ok("list offsets by time, delete records")

    await delete(admin, topic)

    async def gone():
        return topic not in await admin.list_topics()

    await wait("the topic to be gone", gone)
    await refused(UnknownTopicOrPartitionError, delete(admin, topic))
    ok("delete topic, refuse an unknown one")


async def codecs_and_groups(admin, topic):
    await create(admin, topic, 4)
    for i, codec in enumerate(CODECS):
        await send(topic, range(i * 1000, i * 1000 + 1000), codec)
        ok(f"produce {codec} 1000 records, idempotent")
    for group in (f"{RUN}-a", f"{RUN}-b"):
        seen = []
        async with Member(group, topic, seen):
            await wait("5000 records", lambda: len(seen) >= 5000)
        check_contents(seen, range(5000))
        ok(f"group {group[-1]} gets every record of every codec, in order per key, with headers")


async def rebalance(admin, topic, group):
    await create(admin, topic, 4)
    seen = []
    async with Member(group, topic, seen) as first:
        await send(topic, range(1000))
        await wait("the first 1000", lambda: len(seen) >= 1000)
        async with Member(group, topic, seen) as second:
            await wait("two partitions each", lambda: len(first.partitions) == len(second.partitions) == 2)
            assert first.partitions | second.partitions == {0, 1, 2, 3}
            await send(topic, range(1000, 2000))
            await wait("the second 1000", lambda: len(seen) >= 2000)
            assert second.count > 0
        await wait("all partitions back", lambda: len(first.partitions) == 4)
        await send(topic, range(2000, 3000))
        await wait("the third 1000", lambda: len(seen) >= 3000)
        (described,) = (await admin.describe_consumer_groups([group]))[0].to_object()["groups"]
        assert described["state"] == "Stable" and len(described["members"]) == 1
        assert group in [g[0] for g in await admin.list_consumer_groups()]
    check_contents(seen, range(3000))
    ok("rebalance: a second member takes two partitions over and gives them back; nothing lost or duplicated")

    committed = await admin.list_consumer_group_offsets(group)
    assert sum(o.offset for o in committed.values()) == 3000
    await send(topic, [3000])
    later = []
    async with Member(group, topic, later):
        await wait("what follows the commits", lambda: later)
    assert [int(m.value) for m in later] == [3000]
    ok("commits survive the members; describe and list the group")


async def transactions(admin, topic, group):
    await create(admin, topic, 4)
    partitions = [TopicPartition(topic, p) for p in range(4)]
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=RUN) as producer:
        for first, end in (0, producer.abort_transaction), (100, producer.commit_transaction):
            await producer.begin_transaction()
            for n in range(first, first + 100):
                await producer.send(topic, str(n).encode(), partition=n % 4)
            await producer.send_offsets_to_transaction({partitions[0]: first + 1}, group)
            await end()
    seen = []
    async with AIOKafkaConsumer(
        bootstrap_servers=BOOTSTRAP, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign(partitions)
        while len(seen) < 100:
            message = await asyncio.wait_for(consumer.getone(), DEADLINE)
            seen.append(int(message.value))
    assert sorted(seen) == list(range(100, 200)), seen
    committed = await admin.list_consumer_group_offsets(group)
    assert {p: o.offset for p, o in committed.items()} == {partitions[0]: 101}
    ok("transactions: what is committed is read, and the position with it; what is aborted is not")


async def main():
    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    try:
        await administration(admin)
        await codecs_and_groups(admin, f"{RUN}-codecs")
        await rebalance(admin, f"{RUN}-rebalance", f"{RUN}-group")
        await transactions(admin, f"{RUN}-transactions", f"{RUN}-positions")
        await delete(admin, f"{RUN}-codecs", f"{RUN}-rebalance", f"{RUN}-transactions")
    finally:
        await admin.close()
    print(f"version aiokafka {aiokafka.__version__}")


asyncio.run(main())
