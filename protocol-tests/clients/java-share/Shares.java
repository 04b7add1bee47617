import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * The Java share consumer against a broker: implicit and explicit acknowledgements, release, reject, renew, locks that time out,
 * close, two members on one partition, and what an administrator sees and does.
 *
 * Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
 */
public class Shares {
    static final String RUN = "java-share-" + UUID.randomUUID().toString().substring(0, 8);
    static final Duration DEADLINE = Duration.ofSeconds(30);
    /** The shortest lock that a broker allows by default. */
    static final int LOCK_MS = 15_000;
    static String bootstrap;
    static Admin admin;

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        try (Admin opened = Admin.create(settings(Map.of()))) {
            admin = opened;
            implicit(begin("implicit", 1));
            explicit(begin("explicit", 1));
            release(begin("release", 1));
            reject(begin("reject", 1));
            limit(begin("limit", 1));
            close(begin("close", 1));
            twoMembers(begin("two", 1));
            strict(begin("strict", 1));
            timeOut(begin("timeout", 1));
            renew(begin("renew", 1));
            administration(begin("admin", 3));
            queue(RUN + "-queue");
        }
        System.out.println("version kafka-clients " + AppInfoParser.getVersion() + ", java " + System.getProperty("java.version"));
    }

    static void implicit(String name) throws Exception {
        send(name, 0, 100);
        try (Member member = new Member(name, "implicit")) {
            await("100 records", () -> member.seen.size() >= 100, member);
            check(numbers(member.seen).equals(range(0, 100)), numbers(member.seen));
            check(member.seen.stream().allMatch(record -> count(record) == 1), "delivery counts");
            check(member.consumer.acquisitionLockTimeoutMs().equals(Optional.of(LOCK_MS)), member.consumer.acquisitionLockTimeoutMs());
            member.poll();
        }
        send(name, 100, 101);
        try (Member later = new Member(name, "implicit")) {
            await("what came later", () -> !later.seen.isEmpty(), later);
            check(numbers(later.seen).equals(range(100, 101)), numbers(later.seen));
            committed(later);
        }
        finished(name);
        ok("implicit: what a poll returned is acknowledged by the next one or by commitSync, and is never seen again");
    }

    static void explicit(String name) throws Exception {
        send(name, 0, 10);
        try (Member member = new Member(name, "explicit")) {
            await("10 records", () -> member.seen.size() >= 10, member);
            try {
                member.consumer.poll(Duration.ofMillis(10));
                check(false, "a poll before everything is acknowledged");
            } catch (IllegalStateException expected) {
                member.seen.forEach(record -> member.consumer.acknowledge(record, AcknowledgeType.ACCEPT));
            }
            committed(member);
            check(member.commits.get() == 0 || member.failures.isEmpty(), member.failures);
        }
        finished(name);
        ok("explicit: accepted records are acknowledged by commitSync, without an error, and the group's lag is 0");
    }

    static void release(String name) throws Exception {
        send(name, 0, 5);
        try (Member member = new Member(name, "explicit")) {
            await("5 records", () -> member.seen.size() >= 5, member);
            settle(member, record -> number(record) == 2 ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT);
            await("the released record", () -> !member.seen.isEmpty(), member);
            check(numbers(member.seen).equals(Set.of(2)) && count(member.seen.get(0)) == 2, member.seen);
            settle(member, record -> AcknowledgeType.ACCEPT);
        }
        finished(name);
        ok("release: the record comes again at once, with delivery count 2, and no other does");
    }

    static void reject(String name) throws Exception {
        send(name, 0, 5);
        try (Member member = new Member(name, "explicit")) {
            await("5 records", () -> member.seen.size() >= 5, member);
            settle(member, record -> AcknowledgeType.REJECT);
            send(name, 5, 6);
            await("what came later", () -> !member.seen.isEmpty(), member);
            check(numbers(member.seen).equals(Set.of(5)), member.seen);
            settle(member, record -> AcknowledgeType.ACCEPT);
        }
        finished(name);
        ok("reject: the records never come again");
    }

    static void limit(String name) throws Exception {
        send(name, 0, 1);
        try (Member member = new Member(name, "explicit")) {
            for (int delivery = 1; delivery <= 5; delivery++) {
                await("delivery " + delivery, () -> !member.seen.isEmpty(), member);
                check(count(member.seen.get(0)) == delivery, member.seen);
                settle(member, record -> AcknowledgeType.RELEASE);
            }
            send(name, 1, 2);
            await("what came later", () -> !member.seen.isEmpty(), member);
            check(numbers(member.seen).equals(Set.of(1)), member.seen);
            settle(member, record -> AcknowledgeType.ACCEPT);
        }
        finished(name);
        ok("a record is delivered 5 times, counted from 1 to 5, and then given up");
    }

    static void close(String name) throws Exception {
        send(name, 0, 10);
        try (Member member = new Member(name, "explicit")) {
            await("10 records", () -> member.seen.size() >= 10, member);
        }
        long closed = System.nanoTime();
        try (Member next = new Member(name, "explicit")) {
            await("10 records again", () -> next.seen.size() >= 10, next);
            check(System.nanoTime() - closed < Duration.ofMillis(LOCK_MS / 2).toNanos(), "records waited for their locks to time out");
            check(numbers(next.seen).equals(range(0, 10)), numbers(next.seen));
            settle(next, record -> AcknowledgeType.ACCEPT);
        }
        finished(name);
        ok("close: what the member had and did not acknowledge goes to the next one at once");
    }

    static void twoMembers(String name) throws Exception {
        try (Member first = new Member(name, "implicit"); Member second = new Member(name, "implicit")) {
            await("both to be in the group", () -> members(name) == 2, first, second);
            for (int from = 0; from < 1000; from += 50) {
                send(name, from, from + 50);
                first.poll();
                second.poll();
            }
            await("1000 records", () -> first.seen.size() + second.seen.size() >= 1000, first, second);
            check(!first.seen.isEmpty() && !second.seen.isEmpty(), first.seen.size() + " and " + second.seen.size());
            Set<Integer> all = numbers(first.seen);
            all.addAll(numbers(second.seen));
            check(all.size() == 1000 && first.seen.size() + second.seen.size() == 1000, all.size());
            ShareGroupDescription described = describe(name);
            check(described.members().stream().allMatch(m -> m.assignment().topicPartitions().size() == 1), described);
        }
        ok("two members work on one partition, and every record goes to one of them");
    }

    static void strict(String name) throws Exception {
        send(name, 0, 100);
        Map<String, Object> few = Map.of("max.poll.records", 7, "share.acquire.mode", "record_limit");
        try (Member member = new Member(name, "explicit", few)) {
            int polls = 0;
            while (polls < 100 && member.total < 100) {
                await("more records", () -> !member.seen.isEmpty(), member);
                check(member.seen.size() <= 7, member.seen.size());
                settle(member, record -> AcknowledgeType.ACCEPT);
                polls++;
            }
            check(polls >= 15, polls);
        }
        finished(name);
        ok("record_limit: no poll takes more than max.poll.records");
    }

    static void timeOut(String name) throws Exception {
        send(name, 0, 3);
        try (Member slow = new Member(name, "explicit"); Member next = new Member(name, "explicit")) {
            await("3 records", () -> slow.seen.size() >= 3, slow);
            long taken = System.nanoTime();
            await("3 records again", () -> next.seen.size() >= 3, next);
            long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - taken);
            check(waited > LOCK_MS - 3000 && waited < LOCK_MS + 5000, waited + " ms");
            check(next.seen.stream().allMatch(record -> count(record) == 2), next.seen);
            slow.seen.forEach(record -> slow.consumer.acknowledge(record, AcknowledgeType.ACCEPT));
            Map<TopicIdPartition, Optional<KafkaException>> late = slow.consumer.commitSync();
            check(late.values().stream().allMatch(error -> error.isPresent() && error.get() instanceof InvalidRecordStateException), late);
            settle(next, record -> AcknowledgeType.ACCEPT);
            slow.seen.clear();
        }
        finished(name);
        ok("a lock times out: the records go to the other member with delivery count 2, and an acknowledgement that comes late is refused");
    }

    static void renew(String name) throws Exception {
        send(name, 0, 1);
        try (Member slow = new Member(name, "explicit"); Member next = new Member(name, "explicit")) {
            await("the record", () -> !slow.seen.isEmpty(), slow);
            long taken = System.nanoTime();
            for (int third = 1; third <= 4; third++) {
                long until = taken + TimeUnit.MILLISECONDS.toNanos(third * LOCK_MS / 3);
                while (System.nanoTime() < until) next.poll();
                check(next.seen.isEmpty(), "the record went to another member");
                settle(slow, record -> AcknowledgeType.RENEW);
                await("the record, renewed", () -> !slow.seen.isEmpty(), slow);
                check(count(slow.seen.get(0)) == 1, slow.seen);
            }
            settle(slow, record -> AcknowledgeType.ACCEPT);
            check(next.seen.isEmpty(), "the record went to another member");
        }
        finished(name);
        ok("renew: a record is kept for longer than its lock lasts, and then accepted");
    }

    static void administration(String name) throws Exception {
        send(name, 0, 30);
        try (Member member = new Member(name, "implicit")) {
            await("30 records", () -> member.seen.size() >= 30, member);
            committed(member);
            ShareGroupDescription described = describe(name);
            check(described.groupState() == GroupState.STABLE && described.members().size() == 1, described);
            check(described.members().iterator().next().assignment().topicPartitions().size() == 3, described);
            List<GroupListing> listed = List.copyOf(get(admin.listGroups(ListGroupsOptions.forShareGroups()).all()));
            check(listed.stream().anyMatch(g -> g.groupId().equals(name) && g.type().equals(Optional.of(GroupType.SHARE))), listed);
            refused(GroupNotEmptyException.class, admin.deleteShareGroups(List.of(name)).all());
            refused(GroupNotEmptyException.class, admin.alterShareGroupOffsets(name, Map.of(new TopicPartition(name, 0), 0L)).all());
        }
        await("the group to be empty", () -> describe(name).groupState() == GroupState.EMPTY);
        ok("describe and list the group, refuse to delete it or to alter its offsets while it has a member");

        finished(name);
        get(admin.alterShareGroupOffsets(name, Map.of(new TopicPartition(name, 0), 0L)).all());
        check(start(name, 0) == 0 && lag(name, 0) == end(name, 0), lag(name, 0));
        try (Member again = new Member(name, "implicit")) {
            await("one partition again", () -> again.seen.size() >= end(name, 0), again);
            check(again.seen.stream().allMatch(record -> record.partition() == 0), again.seen);
        }
        await("the group to be empty", () -> describe(name).groupState() == GroupState.EMPTY);
        get(admin.deleteShareGroupOffsets(name, Set.of(name)).all());
        check(offsets(name).isEmpty(), offsets(name));
        get(admin.deleteShareGroups(List.of(name)).all());
        refused(GroupIdNotFoundException.class, admin.describeShareGroups(List.of(name)).all());
        ok("list, alter and delete the group's offsets, delete the group");
    }

    /** Only where there are queues: Millstream. */
    static void queue(String name) throws Exception {
        try {
            get(admin.createTopics(List.of(new NewTopic(name, 1, (short) 1).configs(Map.of("queue.enable", "true")))).all());
        } catch (InvalidConfigurationException thereAreNone) {
            return;
        }
        fromTheBeginning(name);
        fromTheBeginning(name + "-other");
        send(name, 0, 100);
        try (Member member = new Member(name, "implicit")) {
            await("100 records", () -> member.seen.size() >= 100, member);
            committed(member);
            try (Member other = new Member(name, name + "-other", "implicit", Map.of())) {
                await("a refusal", () -> false, other);
            } catch (GroupAuthorizationException expected) {
                check(expected.getMessage().contains(name + "-other"), expected);
            }
        }
        await("acknowledged records to be gone", () -> earliest(name) == 100);
        ok("a queue: acknowledged records are gone, and another group is refused");
    }

    /** A topic, and a group of the same name that begins at its beginning. */
    static String begin(String what, int partitions) throws Exception {
        String name = RUN + "-" + what;
        get(admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all());
        await("the topic", () -> get(admin.listTopics().names()).contains(name));
        fromTheBeginning(name);
        return name;
    }

    static void fromTheBeginning(String group) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.GROUP, group);
        List<AlterConfigOp> set = List.of(
            new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("share.record.lock.duration.ms", "" + LOCK_MS), AlterConfigOp.OpType.SET));
        get(admin.incrementalAlterConfigs(Map.of(resource, set)).all());
    }

    /** A member of a group that remembers what it was given. */
    static class Member implements AutoCloseable {
        final ShareConsumer<String, String> consumer;
        final List<ConsumerRecord<String, String>> seen = new ArrayList<>();
        final java.util.concurrent.atomic.AtomicInteger commits = new java.util.concurrent.atomic.AtomicInteger();
        final List<Exception> failures = new ArrayList<>();
        int total;

        Member(String name, String mode) {
            this(name, mode, Map.of());
        }

        Member(String name, String mode, Map<String, Object> more) {
            this(name, name, mode, more);
        }

        Member(String topic, String group, String mode, Map<String, Object> more) {
            Map<String, Object> settings = new HashMap<>(more);
            settings.putAll(Map.of("group.id", group, "share.acknowledgement.mode", mode));
            consumer = new KafkaShareConsumer<>(settings(settings), new StringDeserializer(), new StringDeserializer());
            consumer.setAcknowledgementCommitCallback((offsets, error) -> {
                commits.incrementAndGet();
                if (error != null) failures.add(error);
            });
            consumer.subscribe(List.of(topic));
        }

        void poll() {
            consumer.poll(Duration.ofMillis(100)).forEach(record -> {
                total++;
                seen.add(record);
            });
        }

        public void close() {
            consumer.close(DEADLINE);
        }
    }

    interface Judge {
        AcknowledgeType of(ConsumerRecord<String, String> record);
    }

    /** Acknowledges all that the member has seen, and forgets it. */
    static void settle(Member member, Judge judge) {
        member.seen.forEach(record -> member.consumer.acknowledge(record, judge.of(record)));
        committed(member);
        member.seen.clear();
    }

    static void committed(Member member) {
        Map<TopicIdPartition, Optional<KafkaException>> outcome = member.consumer.commitSync(DEADLINE);
        check(!outcome.isEmpty() && outcome.values().stream().noneMatch(Optional::isPresent), outcome);
    }

    static int number(ConsumerRecord<String, String> record) {
        return Integer.parseInt(record.value());
    }

    static int count(ConsumerRecord<String, String> record) {
        return record.deliveryCount().get();
    }

    static Set<Integer> numbers(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(Shares::number).collect(Collectors.toCollection(TreeSet::new));
    }

    static Set<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().collect(Collectors.toSet());
    }

    /** Produces the numbers from..to and waits until every one is acknowledged. */
    static void send(String topic, int from, int to) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (Producer<String, String> producer = new KafkaProducer<>(settings(Map.of()), new StringSerializer(), new StringSerializer())) {
            for (int n = from; n < to; n++) sent.add(producer.send(new ProducerRecord<>(topic, "key-" + n, "" + n)));
        }
        for (Future<RecordMetadata> future : sent) check(future.get().offset() >= 0, "not acknowledged");
    }

    static ShareGroupDescription describe(String group) throws Exception {
        return get(admin.describeShareGroups(List.of(group)).all()).get(group);
    }

    /** How many there are, also before the first has made the group. */
    static int members(String group) throws Exception {
        try {
            return describe(group).members().size();
        } catch (GroupIdNotFoundException thereIsNone) {
            return 0;
        }
    }

    static Map<TopicPartition, SharePartitionOffsetInfo> offsets(String group) throws Exception {
        return get(admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(group));
    }

    /** Where the group of that name stands in the topic of the same name. */
    static long start(String name, int partition) throws Exception {
        return offsets(name).get(new TopicPartition(name, partition)).startOffset();
    }

    static long lag(String name, int partition) throws Exception {
        return offsets(name).get(new TopicPartition(name, partition)).lag().get();
    }

    /** Waits until the group is done with every record of the topic of the same name. */
    static void finished(String name) throws Exception {
        await("the group to be done", () -> offsets(name).values().stream().allMatch(at -> at.lag().equals(Optional.of(0L))));
    }

    static long end(String topic, int partition) throws Exception {
        TopicPartition at = new TopicPartition(topic, partition);
        return get(admin.listOffsets(Map.of(at, OffsetSpec.latest())).all()).get(at).offset();
    }

    static long earliest(String topic) throws Exception {
        TopicPartition at = new TopicPartition(topic, 0);
        return get(admin.listOffsets(Map.of(at, OffsetSpec.earliest())).all()).get(at).offset();
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    /** Lets the members poll until the condition holds, and fails after the deadline. */
    static void await(String what, Condition condition, Member... members) throws Exception {
        long end = System.nanoTime() + DEADLINE.toNanos();
        while (!condition.holds()) {
            check(System.nanoTime() < end, "still waiting for: " + what);
            for (Member member : members) member.poll();
        }
    }

    /** The call must fail with exactly this error. */
    static void refused(Class<? extends Exception> expected, KafkaFuture<?> call) throws Exception {
        try {
            get(call);
        } catch (Exception error) {
            check(error.getClass() == expected, "expected " + expected.getSimpleName() + ", got " + error);
            return;
        }
        check(false, "expected " + expected.getSimpleName());
    }

    static <T> T get(KafkaFuture<T> future) throws Exception {
        try {
            return future.get(DEADLINE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException error) {
            throw (Exception) error.getCause();
        }
    }

    static Map<String, Object> settings(Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }

    static void check(boolean holds, Object otherwise) {
        if (!holds) throw new AssertionError(otherwise.toString());
    }

    static void ok(String promise) {
        System.out.println("ok " + promise);
    }
}
