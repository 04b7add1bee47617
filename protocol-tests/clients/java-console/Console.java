import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.SecurityDisabledException;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * What web consoles ask of a broker, page by page, and what their pages show of the answers: the calls of AKHQ
 * (AbstractKafkaWrapper) and Kafdrop (KafkaHighLevelAdminClient) as their code makes them, those of Kafdrop's consumer and of
 * Redpanda Console as their pages need them.
 *
 * Run it with a bootstrap address; it prints one line per page and stops at the first that a console could not show.
 */
public class Console {
    static final String TOPIC = "console-" + UUID.randomUUID().toString().substring(0, 8);
    static final String GROUP = TOPIC + "-group";
    static final int RECORDS = 100;
    static final int READ = 60;
    static String bootstrap;
    static Admin admin;

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        try (Admin opened = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin = opened;
            get(admin.createTopics(List.of(new NewTopic(TOPIC, 3, (short) 1).configs(Map.of("retention.ms", "3600000")))).all());
            await("the topic", () -> get(admin.listTopics().names()).contains(TOPIC));
            produce();
            try (KafkaConsumer<String, String> member = consumer(GROUP)) {
                member.subscribe(List.of(TOPIC));
                for (int read = 0; read < READ; ) {
                    read += member.poll(Duration.ofSeconds(1)).count();
                }
                member.commitSync();
                cluster();
                topics();
                messages();
                groups();
                access();
            }
            changes();
        }
        System.out.println("version kafka-clients " + AppInfoParser.getVersion() + ", java " + System.getProperty("java.version"));
    }

    /** Brokers, their settings and their disks. */
    static void cluster() throws Exception {
        DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
        int node = get(cluster.controller()).id();
        check(get(cluster.nodes()).stream().anyMatch(n -> n.id() == node), get(cluster.nodes()));
        check(!get(cluster.clusterId()).isEmpty(), "cluster id");
        check(!get(cluster.authorizedOperations()).isEmpty(), "what the console may do");
        check(config(ConfigResource.Type.BROKER, "" + node).get("log.dirs").value() != null, "settings of the broker");
        check(config(ConfigResource.Type.BROKER_LOGGER, "" + node).get("root") != null, "log levels");
        LogDirDescription dir = get(admin.describeLogDirs(List.of(node)).allDescriptions()).get(node).values().iterator().next();
        check(dir.replicaInfos().get(new TopicPartition(TOPIC, 0)).size() > 0 && dir.totalBytes().isPresent(), dir);
        check(get(admin.describeFeatures().featureMetadata()).finalizedFeatures().containsKey("metadata.version"), "features");
        check(get(admin.describeMetadataQuorum().quorumInfo()).leaderId() == node, "quorum");
        ok("brokers: cluster, controller, settings, log levels, log directories, features, quorum");
    }

    /** Topics with their partitions, sizes and settings. */
    static void topics() throws Exception {
        Set<String> names = get(admin.listTopics(new ListTopicsOptions().listInternal(true)).names());
        check(names.contains(TOPIC) && names.contains("__consumer_offsets"), names);
        Map<String, TopicDescription> described = get(admin.describeTopics(names, new DescribeTopicsOptions().includeAuthorizedOperations(true)).allTopicNames());
        check(described.keySet().equals(names), described.keySet());
        check(described.get("__consumer_offsets").isInternal() && !described.get(TOPIC).isInternal(), "internal topics");
        described.get(TOPIC).partitions().forEach(p -> check(p.leader() != null && p.isr().size() == p.replicas().size(), p));
        ConfigEntry retention = config(ConfigResource.Type.TOPIC, TOPIC).get("retention.ms");
        check(retention.value().equals("3600000") && !retention.isDefault() && retention.documentation() != null, retention);
        check(get(admin.listPartitionReassignments().reassignments()).isEmpty(), "reassignments");
        try (KafkaConsumer<String, String> consumer = consumer(null)) {
            Collection<TopicPartition> partitions = partitions();
            check(sum(consumer.beginningOffsets(partitions)) == 0 && sum(consumer.endOffsets(partitions)) == RECORDS, "offsets");
        }
        check(get(admin.describeProducers(partitions()).all()).size() == 3, "producers");
        ok("topics: list with internal ones, partitions, settings, offsets, producers");
    }

    /** The newest messages, and those since a point in time, without a group. */
    static void messages() throws Exception {
        try (KafkaConsumer<String, String> consumer = consumer(null)) {
            consumer.assign(partitions());
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions());
            ends.forEach((partition, end) -> consumer.seek(partition, Math.max(0, end - 5)));
            List<ConsumerRecord<String, String>> newest = read(consumer, ends);
            check(newest.size() == ends.values().stream().mapToLong(end -> Math.min(5, end)).sum(), newest.size());
            check(newest.stream().allMatch(r -> r.key() != null && r.headers().lastHeader("n") != null), newest);

            Map<TopicPartition, Long> beginning = ends.keySet().stream().collect(Collectors.toMap(Function.identity(), p -> 0L));
            Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(beginning);
            found.forEach((partition, offset) -> consumer.seek(partition, offset == null ? 0 : offset.offset()));
            check(read(consumer, ends).size() == RECORDS, "messages since the beginning of time");
        }
        ok("messages: the newest of each partition, all since a point in time, with keys and headers");
    }

    /** Groups with their members, and how far they are behind. */
    static void groups() throws Exception {
        check(get(admin.listGroups().all()).stream().anyMatch(g -> g.groupId().equals(GROUP)), "groups");
        check(get(admin.listGroups(ListGroupsOptions.forConsumerGroups()).valid()).stream().anyMatch(g -> g.groupId().equals(GROUP)), "consumer groups");
        ConsumerGroupDescription group = get(admin.describeConsumerGroups(List.of(GROUP)).all()).get(GROUP);
        check(group.groupState() == GroupState.STABLE && group.members().size() == 1, group);
        check(group.members().iterator().next().assignment().topicPartitions().size() == 3, group);
        Map<TopicPartition, OffsetAndMetadata> committed = get(admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata());
        Map<TopicPartition, ListOffsetsResult.ListOffsetsResultInfo> ends =
            get(admin.listOffsets(committed.keySet().stream().collect(Collectors.toMap(Function.identity(), p -> OffsetSpec.latest()))).all());
        long behind = committed.entrySet().stream().mapToLong(c -> ends.get(c.getKey()).offset() - c.getValue().offset()).sum();
        long read = committed.values().stream().mapToLong(OffsetAndMetadata::offset).sum();
        check(read >= READ && read + behind == RECORDS, "read " + read + ", behind by " + behind);
        ok("groups: list, state, members, assignment, lag");
    }

    /** Rules of access, quotas and passwords. */
    static void access() throws Exception {
        try {
            get(admin.describeAcls(AclBindingFilter.ANY).values());
            check(false, "rules of access without an authorizer");
        } catch (SecurityDisabledException expected) {
            check(get(admin.describeClientQuotas(ClientQuotaFilter.all()).entities()) != null, "quotas");
            check(get(admin.describeUserScramCredentials().all()) != null, "passwords");
        }
        ok("access: no authorizer, quotas, passwords");
    }

    /** What the buttons do. */
    static void changes() throws Exception {
        await("the group to be empty", () -> get(admin.describeConsumerGroups(List.of(GROUP)).all()).get(GROUP).groupState() == GroupState.EMPTY);
        TopicPartition first = new TopicPartition(TOPIC, 0);
        get(admin.alterConsumerGroupOffsets(GROUP, Map.of(first, new OffsetAndMetadata(1))).all());
        check(get(admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata()).get(first).offset() == 1, "altered offset");
        get(admin.deleteConsumerGroupOffsets(GROUP, Set.of(first)).all());
        get(admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, TOPIC),
            List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET)))).all());
        await("the setting", () -> config(ConfigResource.Type.TOPIC, TOPIC).get("retention.ms").value().equals("7200000"));
        get(admin.createPartitions(Map.of(TOPIC, NewPartitions.increaseTo(4))).all());
        get(admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(1))).all());
        get(admin.deleteConsumerGroups(List.of(GROUP)).all());
        get(admin.deleteTopics(List.of(TOPIC)).all());
        await("the topic to be gone", () -> !get(admin.listTopics().names()).contains(TOPIC));
        ok("buttons: move and delete offsets, alter a setting, add a partition, empty and delete a topic, delete a group");
    }

    static void produce() throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "client.id", "console",
            "key.serializer", StringSerializer.class, "value.serializer", StringSerializer.class);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings)) {
            for (int n = 0; n < RECORDS; n++) {
                ProducerRecord<String, String> record = new ProducerRecord<>(TOPIC, n % 3, "key-" + n, "value " + n);
                record.headers().add("n", String.valueOf(n).getBytes());
                producer.send(record);
            }
        }
    }

    /** Without a group, a reader as consoles open one: it commits nothing. */
    static KafkaConsumer<String, String> consumer(String group) {
        Map<String, Object> settings = new java.util.HashMap<>(Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest",
            "enable.auto.commit", false, "max.poll.records", READ, "key.deserializer", StringDeserializer.class, "value.deserializer", StringDeserializer.class));
        if (group != null) {
            settings.put("group.id", group);
        }
        return new KafkaConsumer<>(settings);
    }

    /** Everything up to those ends. */
    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, Map<TopicPartition, Long> ends) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            consumer.poll(Duration.ofSeconds(1)).forEach(records::add);
        }
        return records;
    }

    static Map<String, ConfigEntry> config(ConfigResource.Type type, String name) throws Exception {
        ConfigResource resource = new ConfigResource(type, name);
        DescribeConfigsOptions options = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
        return get(admin.describeConfigs(List.of(resource), options).all()).get(resource).entries().stream()
            .collect(Collectors.toMap(ConfigEntry::name, Function.identity()));
    }

    static List<TopicPartition> partitions() {
        return List.of(new TopicPartition(TOPIC, 0), new TopicPartition(TOPIC, 1), new TopicPartition(TOPIC, 2));
    }

    static long sum(Map<TopicPartition, Long> offsets) {
        return offsets.values().stream().mapToLong(Long::longValue).sum();
    }

    static <T> T get(KafkaFuture<T> future) throws Exception {
        try {
            return future.get(30, TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            throw failed.getCause() instanceof RuntimeException cause ? cause : failed;
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    static void await(String what, Condition condition) throws Exception {
        for (long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos(); !condition.holds(); ) {
            check(System.nanoTime() < deadline, "still waiting for " + what);
        }
    }

    static void ok(String what) {
        System.out.println("ok " + what);
    }

    static void check(boolean holds, Object found) {
        if (!holds) {
            throw new AssertionError(found);
        }
    }
}
