import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * The Java client against a broker: administration, every codec, two groups, rebalances (eager, cooperative, and by the protocol of
 * consumer groups), expressions, static members, the change of a group's protocol, commits.
 *
 * Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
 */
public class Checks {
    static final String RUN = "java-" + UUID.randomUUID().toString().substring(0, 8);
    static final Duration DEADLINE = Duration.ofSeconds(30);
    /** The protocol of consumer groups, in which the broker assigns. */
    static final Map<String, Object> CONSUMER = Map.of("group.protocol", "consumer");
    static String bootstrap;
    static Admin admin;

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        try (Admin opened = Admin.create(settings(Map.of()))) {
            admin = opened;
            administration(RUN + "-admin");
            codecsAndGroups(RUN + "-codecs");
            rebalance(RUN + "-eager", "RangeAssignor", classic(RangeAssignor.class));
            rebalance(RUN + "-cooperative", "CooperativeStickyAssignor", classic(CooperativeStickyAssignor.class));
            rebalance(RUN + "-consumer", "consumer protocol", CONSUMER);
            expression(RUN + "-expression");
            staticMember(RUN + "-static");
            migration(RUN + "-migration");
            get(admin.deleteTopics(get(admin.listTopics().names()).stream().filter(topic -> topic.startsWith(RUN)).toList()).all());
        }
        System.out.println("version kafka-clients " + AppInfoParser.getVersion() + ", java " + System.getProperty("java.version"));
    }

    static void administration(String topic) throws Exception {
        CreateTopicsResult created = admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "3600000"))));
        get(created.all());
        await("the topic", () -> exists(topic));
        TopicDescription described = describe(topic);
        check(described.partitions().size() == 3, described);
        check(!described.topicId().equals(Uuid.ZERO_UUID) && described.topicId().equals(get(created.topicId(topic))), described);
        check(get(admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds())
            .get(described.topicId()).name().equals(topic), "described by id");
        ok("create topic with 3 partitions, describe it by name and by id");

        refused(TopicExistsException.class, admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all());
        refused(InvalidConfigurationException.class,
            admin.createTopics(List.of(new NewTopic(topic + "-bad", 1, (short) 1).configs(Map.of("retention.ms", "soon")))).all());
        refused(InvalidReplicationFactorException.class, admin.createTopics(List.of(new NewTopic(topic + "-3", 1, (short) 3))).all());
        refused(InvalidTopicException.class, admin.createTopics(List.of(new NewTopic("no spaces", 1, (short) 1))).all());
        ok("refuse an existing topic, an invalid config, a replication factor of 3, an invalid name");

        ConfigEntry retention = config(topic, "retention.ms");
        check(retention.value().equals("3600000") && retention.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, retention);
        alter(topic, "max.message.bytes", "65536");
        await("the altered config", () -> config(topic, "max.message.bytes").value().equals("65536"));
        check(config(topic, "cleanup.policy").isDefault(), config(topic, "cleanup.policy"));
        try {
            alter(topic, "no.such.config", "1");
            check(false, "an unknown config was accepted");
        } catch (InvalidConfigurationException expected) {
            ok("describe and alter configs, refuse an unknown one");
        }

        get(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all());
        await("5 partitions", () -> describe(topic).partitions().size() == 5);
        refused(InvalidPartitionsException.class, admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all());
        ok("add partitions, refuse to take some away");

        long before = System.currentTimeMillis();
        send(topic, 0, 100, "none");
        Map<Integer, Long> ends = offsets(topic, OffsetSpec.latest());
        check(ends.values().stream().mapToLong(Long::longValue).sum() == 100, ends);
        Map<Integer, Long> timed = offsets(topic, OffsetSpec.forTimestamp(before));
        Map<Integer, Long> newest = offsets(topic, OffsetSpec.maxTimestamp());
        ends.forEach((partition, end) -> check(timed.get(partition) == (end > 0 ? 0 : -1), timed));
        ends.forEach((partition, end) -> check(end > 0 ? newest.get(partition) < end : newest.get(partition) == -1, newest));
        get(admin.deleteRecords(ends.entrySet().stream().collect(Collectors.toMap(
            end -> new TopicPartition(topic, end.getKey()), end -> RecordsToDelete.beforeOffset(end.getValue())))).all());
        check(offsets(topic, OffsetSpec.earliest()).equals(ends), "records were not deleted");
        ok("list offsets by time and by the newest timestamp, delete records");

        check(get(admin.describeLogDirs(List.of(get(admin.describeCluster().controller()).id())).allDescriptions()).size() == 1, "log dirs");
        check(get(admin.describeProducers(List.of(new TopicPartition(topic, 0))).all()) != null, "producers");
        check(get(admin.listPartitionReassignments().reassignments()).isEmpty(), "reassignments");
        check(get(admin.describeMetadataQuorum().quorumInfo()).voters().size() == 1, "quorum");
        check(get(admin.describeFeatures().featureMetadata()) != null, "features");
        ok("describe cluster, log directories, producers, reassignments, quorum, features");

        get(admin.deleteTopics(List.of(topic)).all());
        await("the topic to be gone", () -> !exists(topic));
        refused(UnknownTopicOrPartitionException.class, admin.deleteTopics(List.of(topic)).all());
        refused(UnknownTopicOrPartitionException.class, admin.describeTopics(List.of(topic)).allTopicNames());
        ok("delete topic, refuse an unknown one");
    }

    static void codecsAndGroups(String topic) throws Exception {
        create(topic);
        List<String> codecs = List.of("none", "gzip", "snappy", "lz4", "zstd");
        for (int i = 0; i < codecs.size(); i++) {
            send(topic, i * 1000, i * 1000 + 1000, codecs.get(i));
            ok("produce " + codecs.get(i) + " 1000 records, idempotent");
        }
        for (String group : List.of("a", "b")) {
            List<ConsumerRecord<String, String>> seen = new ArrayList<>();
            Member member = new Member(RUN + "-" + group, topic, classic(RangeAssignor.class), seen);
            await("5000 records", () -> seen.size() >= 5000, member);
            member.close();
            checkContents(seen, 5000);
            ok("group " + group + " gets every record of every codec, in order per key, with headers");
        }
    }

    static void rebalance(String topic, String name, Map<String, Object> protocol) throws Exception {
        String group = topic + "-group";
        create(topic);
        List<ConsumerRecord<String, String>> seen = new ArrayList<>();
        Member first = new Member(group, topic, protocol, seen);
        send(topic, 0, 1000, "none");
        await("the first 1000", () -> seen.size() >= 1000, first);

        Member second = new Member(group, topic, protocol, seen);
        await("two partitions each", () -> first.partitions.size() == 2 && second.partitions.size() == 2, first, second);
        Set<Integer> all = new TreeSet<>(first.partitions);
        all.addAll(second.partitions);
        check(all.equals(Set.of(0, 1, 2, 3)), all);
        send(topic, 1000, 2000, "none");
        await("the second 1000", () -> seen.size() >= 2000, first, second);
        check(second.count > 0, "the second member got nothing");
        second.close();
        await("all partitions back", () -> first.partitions.size() == 4, first);
        send(topic, 2000, 3000, "none");
        await("the third 1000", () -> seen.size() >= 3000, first);
        checkContents(seen, 3000);
        ok(name + ": a second member takes two partitions over and gives them back; nothing lost or duplicated");

        ConsumerGroupDescription described = get(admin.describeConsumerGroups(List.of(group)).all()).get(group);
        check(described.groupState() == GroupState.STABLE && described.members().size() == 1, described);
        check(get(admin.listGroups(ListGroupsOptions.forConsumerGroups()).all()).stream().anyMatch(g -> g.groupId().equals(group)), "the group is not listed");
        first.close();
        long committed = get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).values().stream()
            .mapToLong(OffsetAndMetadata::offset).sum();
        check(committed == 3000, committed);
        send(topic, 3000, 3001, "none");
        List<ConsumerRecord<String, String>> later = new ArrayList<>();
        Member third = new Member(group, topic, protocol, later);
        await("what follows the commits", () -> !later.isEmpty(), third);
        third.close();
        check(later.size() == 1 && later.get(0).value().equals("3000"), later);
        ok("commits survive the members; describe and list the group");

        get(admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(7, "seven"))).all());
        OffsetAndMetadata altered = get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).get(new TopicPartition(topic, 0));
        check(altered.offset() == 7 && altered.metadata().equals("seven"), altered);
        get(admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(topic, 0))).all());
        check(get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).size() == 3, "offsets were not deleted");
        get(admin.deleteConsumerGroups(List.of(group)).all());
        refused(GroupIdNotFoundException.class, admin.deleteConsumerGroups(List.of(group)).all());
        ok("alter and delete offsets, delete the group, refuse an unknown one");
    }

    static void expression(String topic) throws Exception {
        create(topic + "-1");
        send(topic + "-1", 0, 1000, "none");
        List<ConsumerRecord<String, String>> seen = new ArrayList<>();
        Member member = new Member(topic + "-group", null, CONSUMER, seen);
        member.consumer.subscribe(new SubscriptionPattern(topic + "-[0-9]"), member);
        await("the first topic", () -> seen.size() >= 1000, member);
        create(topic + "-2");
        create(topic + "-other");
        send(topic + "-other", 0, 10, "none");
        send(topic + "-2", 1000, 2000, "none");
        await("the second topic", () -> seen.size() >= 2000, member);
        member.close();
        checkContents(seen, 2000);
        refused(InvalidRegularExpression.class, () -> {
            try (Member broken = new Member(topic + "-broken", null, CONSUMER, new ArrayList<>())) {
                broken.consumer.subscribe(new SubscriptionPattern("("), broken);
                await("a refusal", () -> false, broken);
            }
        });
        ok("consumer protocol: an expression finds topics as they come; one that cannot be understood is refused");
    }

    static void staticMember(String topic) throws Exception {
        create(topic);
        Map<String, Object> fixed = new HashMap<>(CONSUMER);
        fixed.put("group.instance.id", "one");
        List<ConsumerRecord<String, String>> seen = new ArrayList<>();
        Member first = new Member(topic + "-group", topic, fixed, seen), other = new Member(topic + "-group", topic, CONSUMER, seen);
        await("two partitions each", () -> first.partitions.size() == 2 && other.partitions.size() == 2, first, other);
        Set<Integer> before = new TreeSet<>(first.partitions), others = new TreeSet<>(other.partitions);
        first.close();
        send(topic, 0, 1000, "none");
        Member again = new Member(topic + "-group", topic, fixed, seen);
        await("every record", () -> seen.size() >= 1000, again, other);
        check(again.partitions.equals(before) && other.partitions.equals(others), again.partitions + " were " + before);
        again.close();
        other.close();
        checkContents(seen, 1000);
        ok("consumer protocol: a static member that returns has what it had, and the other keeps what it has");
    }

    static void migration(String topic) throws Exception {
        create(topic);
        List<ConsumerRecord<String, String>> seen = new ArrayList<>();
        Member old = new Member(topic + "-group", topic, classic(CooperativeStickyAssignor.class), seen);
        send(topic, 0, 1000, "none");
        await("the first 1000", () -> seen.size() >= 1000, old);
        Member next = new Member(topic + "-group", topic, CONSUMER, seen);
        await("two partitions each", () -> old.partitions.size() == 2 && next.partitions.size() == 2, old, next);
        check(type(topic + "-group") == GroupType.CONSUMER, "the group is classic");
        send(topic, 1000, 2000, "none");
        await("the second 1000", () -> seen.size() >= 2000, old, next);
        next.close();
        await("all partitions back", () -> old.partitions.size() == 4, old);
        check(type(topic + "-group") == GroupType.CLASSIC, "the group is not classic");
        send(topic, 2000, 3000, "none");
        await("the third 1000", () -> seen.size() >= 3000, old);
        old.close();
        checkContents(seen, 3000);
        ok("a group goes over to the consumer protocol and back while its members read; nothing lost or duplicated");
    }

    static GroupType type(String group) throws Exception {
        return get(admin.describeConsumerGroups(List.of(group)).all()).get(group).type();
    }

    /** The protocol in which a member assigns, by this assignor. */
    static Map<String, Object> classic(Class<?> assignor) {
        return Map.of("heartbeat.interval.ms", 500, "partition.assignment.strategy", assignor.getName());
    }

    /** A member of a group that remembers what it was given and commits before it gives partitions up. */
    static class Member implements ConsumerRebalanceListener, AutoCloseable {
        final Consumer<String, String> consumer;
        final List<ConsumerRecord<String, String>> seen;
        final Set<Integer> partitions = new TreeSet<>();
        int count;

        Member(String group, String topic, Map<String, Object> protocol, List<ConsumerRecord<String, String>> seen) {
            this.seen = seen;
            Map<String, Object> settings = settings(protocol);
            settings.putAll(Map.of("group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", false));
            this.consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
            if (topic != null) consumer.subscribe(List.of(topic), this);
        }

        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
            assigned.forEach(p -> partitions.add(p.partition()));
        }

        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            consumer.commitSync();
            revoked.forEach(p -> partitions.remove(p.partition()));
        }

        void poll() {
            consumer.poll(Duration.ofMillis(50)).forEach(record -> {
                count++;
                seen.add(record);
            });
        }

        public void close() {
            consumer.close();
        }
    }

    /** Every number once, on its key, with its header, and in order per key. */
    static void checkContents(List<ConsumerRecord<String, String>> records, int expected) {
        Map<String, Integer> last = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
            int n = Integer.parseInt(record.value());
            check(record.key().equals("key-" + n % 10), record);
            check(new String(record.headers().lastHeader("n").value()).equals(record.value()), record);
            Integer previous = last.put(record.key(), n);
            check(previous == null || previous < n, record.key() + " out of order at " + n);
        }
        Set<String> different = records.stream().map(ConsumerRecord::value).collect(Collectors.toSet());
        check(records.size() == expected && different.size() == expected, records.size() + " records, " + different.size() + " different");
    }

    /** Produces the numbers from..to, ten keys in turn, and waits until every one is acknowledged. Idempotent by default. */
    static void send(String topic, int from, int to, String codec) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (Producer<String, String> producer = new KafkaProducer<>(
            settings(Map.of("compression.type", codec, "linger.ms", 5)), new StringSerializer(), new StringSerializer())) {
            for (int n = from; n < to; n++) {
                ProducerRecord<String, String> record = new ProducerRecord<>(topic, "key-" + n % 10, "" + n);
                record.headers().add("n", ("" + n).getBytes());
                sent.add(producer.send(record));
            }
        }
        for (Future<RecordMetadata> future : sent) check(future.get().offset() >= 0, "not acknowledged");
    }

    static void create(String topic) throws Exception {
        get(admin.createTopics(List.of(new NewTopic(topic, 4, (short) 1))).all());
        await("the topic", () -> exists(topic));
    }

    static boolean exists(String topic) throws Exception {
        return get(admin.listTopics().names()).contains(topic);
    }

    static TopicDescription describe(String topic) throws Exception {
        return get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
    }

    static ConfigEntry config(String topic, String name) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return get(admin.describeConfigs(List.of(resource)).all()).get(resource).get(name);
    }

    static void alter(String topic, String name, String value) throws Exception {
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET);
        get(admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), List.of(set))).all());
    }

    static Map<Integer, Long> offsets(String topic, OffsetSpec spec) throws Exception {
        Map<TopicPartition, OffsetSpec> asked = IntStream.range(0, describe(topic).partitions().size()).boxed()
            .collect(Collectors.toMap(p -> new TopicPartition(topic, p), p -> spec));
        Map<TopicPartition, ListOffsetsResultInfo> answer = get(admin.listOffsets(asked).all());
        return answer.entrySet().stream().collect(Collectors.toMap(e -> e.getKey().partition(), e -> e.getValue().offset()));
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
        refused(expected, () -> get(call));
    }

    interface Action {
        void run() throws Exception;
    }

    static void refused(Class<? extends Exception> expected, Action action) throws Exception {
        try {
            action.run();
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
