import java.io.File;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.ExecutionException;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;

/**
 * An ordinary Streams application with exactly_once_v2, killed again and again, and the proof that its results are exact.
 *
 * The application counts and sums the orders of each customer, in all and by the minute, and joins each order with its customer:
 * a repartition topic, two state stores with changelogs, a table. `Orders bootstrap directory` runs the proof, which starts the
 * application as a process of its own; it prints one line per promise kept and stops at the first that is not.
 */
public class Orders {
    static final int ORDERS = 1_600, CUSTOMERS = 7, PARTITIONS = 3, KILLS = 3;
    static final long BEGINNING = 1_700_000_040_000L, MINUTE = 60_000;
    static final Duration DEADLINE = Duration.ofSeconds(120);
    static String bootstrap, run;
    static Path directory;

    public static void main(String[] arguments) throws Exception {
        bootstrap = arguments[0];
        directory = Path.of(arguments[1]);
        if (arguments.length > 2) {
            run = arguments[2];
            application();
        } else {
            run = "orders-" + UUID.randomUUID().toString().substring(0, 8);
            proof();
            String java = System.getProperty("java.version");
            System.out.println("version kafka-streams " + AppInfoParser.getVersion() + ", java " + java);
        }
    }

    // The application.

    static Topology topology() {
        StreamsBuilder builder = new StreamsBuilder();
        KTable<String, String> customers = builder.table(run + "-customers");
        KStream<String, String> orders = builder.<String, String>stream(run + "-orders")
            .selectKey((id, order) -> order.split(" ")[1])
            .repartition(Repartitioned.as("by-customer"));
        orders.join(customers, (order, customer) -> order + " " + customer).to(run + "-joined");
        KGroupedStream<String, String> grouped = orders.groupByKey();
        grouped.aggregate(() -> "0 0", Orders::add, Materialized.as("totals")).toStream().to(run + "-totals");
        grouped.windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(MINUTE), Duration.ofHours(12)))
            .aggregate(() -> "0 0", Orders::add, Materialized.as("minutes"))
            .toStream((customer, total) -> customer.key() + "@" + customer.window().start())
            .to(run + "-minutes", Produced.with(Serdes.String(), Serdes.String()));
        return builder.build();
    }

    /** `count sum` of what there was, and of an order `id customer amount`. */
    static String add(String customer, String order, String total) {
        String[] words = total.split(" ");
        return Long.parseLong(words[0]) + 1 + " " + (Long.parseLong(words[1]) + Long.parseLong(order.split(" ")[2]));
    }

    static void application() {
        Properties settings = new Properties();
        // Nothing is cached, so that every single change of a total is to be seen.
        settings.putAll(Map.of(
            "application.id", run,
            "bootstrap.servers", bootstrap,
            "processing.guarantee", "exactly_once_v2",
            "state.dir", directory.toString(),
            "num.stream.threads", 2,
            "commit.interval.ms", 100,
            "statestore.cache.max.bytes", 0,
            "default.key.serde", Serdes.StringSerde.class,
            "default.value.serde", Serdes.StringSerde.class));
        settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6_000);
        settings.put(StreamsConfig.consumerPrefix("heartbeat.interval.ms"), 500);
        settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        settings.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 10_000);
        KafkaStreams streams = new KafkaStreams(topology(), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    // The proof.

    static void proof() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            List<NewTopic> topics = new ArrayList<>();
            for (String name : List.of("orders", "customers", "joined", "totals", "minutes")) {
                topics.add(new NewTopic(run + "-" + name, PARTITIONS, (short) 1));
            }
            admin.createTopics(topics).all().get();
            resume();
            check(admin.listTopics().names().get().containsAll(List.of(
                run + "-by-customer-repartition", run + "-totals-changelog", run + "-minutes-changelog")), "internal topics");
            ok("the application made its repartition topic and its changelogs");
        }
        joined();
        totals("totals", order -> customer(order));
        totals("minutes", order -> customer(order) + "@" + time(order) / MINUTE * MINUTE);
    }

    /** Sends all orders, while the application is killed and started again, once without what it had on the disk. */
    static void resume() throws Exception {
        try (Producer<String, String> producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap), text(), text());
             Consumer<String, String> reader = reader("joined")) {
            for (int n = 0; n < CUSTOMERS; n++) {
                producer.send(new ProducerRecord<>(run + "-customers", null, BEGINNING - MINUTE, "c" + n, "customer " + n));
            }
            producer.flush();
            Process application = start();
            Set<String> seen = new HashSet<>();
            for (int kill = 0; kill <= KILLS; kill++) {
                int end = ORDERS * (kill + 1) / (KILLS + 1);
                for (int order = ORDERS * kill / (KILLS + 1); order < end; order++) {
                    producer.send(new ProducerRecord<>(run + "-orders", null, time(order), "" + order, order(order)));
                }
                producer.flush();
                int enough = kill < KILLS ? end - ORDERS / 20 : end;
                long deadline = System.nanoTime() + DEADLINE.toNanos();
                while (seen.size() < enough) {
                    reader.poll(Duration.ofMillis(50)).forEach(record -> seen.add(record.value()));
                    check(System.nanoTime() < deadline, seen.size() + " of " + enough + " orders, and no more");
                    check(application.isAlive(), "the application ended by itself: see " + directory.resolve("application.log"));
                }
                application.destroyForcibly().waitFor();
                if (kill == KILLS) {
                    break;
                }
                if (kill == KILLS / 2) {
                    forget();
                }
                application = start();
            }
        }
        ok("killed " + KILLS + " times, the application resumes; once it has its state from the changelogs alone");
    }

    static Process start() throws Exception {
        String java = ProcessHandle.current().info().command().orElse("java");
        File log = directory.resolve("application.log").toFile();
        Process process = new ProcessBuilder(java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
            "-cp", System.getProperty("java.class.path"), "Orders", bootstrap, directory.resolve("state").toString(), run)
            .redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log)).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        return process;
    }

    static void forget() throws Exception {
        try (var files = Files.walk(directory.resolve("state"))) {
            for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    /** Every order is there once, with its customer. */
    static void joined() {
        IntStream orders = IntStream.range(0, ORDERS);
        List<String> expected = orders.mapToObj(n -> order(n) + " customer " + n % CUSTOMERS).sorted().toList();
        List<String> found = readAll("joined").stream().map(ConsumerRecord::value).sorted().toList();
        check(found.equals(expected), found.size() + " joined orders of " + expected.size());
        ok("each of " + ORDERS + " orders was joined with its customer exactly once");
    }

    /** The count of each key goes up by one each time, and the last sum is that of all its orders. */
    static void totals(String topic, IntFunction<String> key) {
        Map<String, Long> counts = new TreeMap<>(), sums = new TreeMap<>();
        for (ConsumerRecord<String, String> record : readAll(topic)) {
            String[] words = record.value().split(" ");
            long count = Long.parseLong(words[0]);
            check(count == counts.merge(record.key(), 1L, Long::sum), topic + ": " + record);
            sums.put(record.key(), Long.parseLong(words[1]));
        }
        Map<String, Long> expectedCounts = new TreeMap<>(), expectedSums = new TreeMap<>();
        for (int order = 0; order < ORDERS; order++) {
            expectedCounts.merge(key.apply(order), 1L, Long::sum);
            expectedSums.merge(key.apply(order), (long) amount(order), Long::sum);
        }
        check(counts.equals(expectedCounts), topic + ": " + counts + ", not " + expectedCounts);
        check(sums.equals(expectedSums), topic + ": " + sums + ", not " + expectedSums);
        ok(topic + ": every count from 1 to the last exactly once, every sum exact, for " + counts.size() + " keys");
    }

    static String order(int n) {
        return n + " " + customer(n) + " " + amount(n);
    }

    static String customer(int n) {
        return "c" + n % CUSTOMERS;
    }

    static int amount(int n) {
        return n * 31 % 997;
    }

    /** About ten orders a minute. */
    static long time(int n) {
        return BEGINNING + n * MINUTE / 10;
    }

    static Consumer<String, String> reader(String topic) {
        Consumer<String, String> consumer = new KafkaConsumer<>(
            Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed", "auto.offset.reset", "earliest"),
            new StringDeserializer(), new StringDeserializer());
        consumer.assign(IntStream.range(0, PARTITIONS).mapToObj(n -> new TopicPartition(run + "-" + topic, n)).toList());
        return consumer;
    }

    /** All committed records, once no transaction is open any more: the last kill may have left one, which times out. */
    static List<ConsumerRecord<String, String>> readAll(String topic) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        try (Consumer<String, String> consumer = reader(topic);
             Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
            consumer.assignment().forEach(partition -> latest.put(partition, OffsetSpec.latest()));
            Map<TopicPartition, Long> ends = new HashMap<>();
            admin.listOffsets(latest).all().get().forEach((partition, end) -> ends.put(partition, end.offset()));
            long deadline = System.nanoTime() + DEADLINE.toNanos();
            while (consumer.assignment().stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
                check(System.nanoTime() < deadline, topic + " does not end: a transaction stays open");
            }
        } catch (InterruptedException | ExecutionException error) {
            throw new IllegalStateException(error);
        }
        return records;
    }

    static StringSerializer text() {
        return new StringSerializer();
    }

    static void ok(String promise) {
        System.out.println("ok " + promise);
    }

    static void check(boolean kept, Object saw) {
        if (!kept) {
            System.out.println("failed: " + saw);
            System.exit(1);
        }
    }
}
