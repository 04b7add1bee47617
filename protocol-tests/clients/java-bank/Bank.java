import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

/**
 * A worker of the bank (protocol-tests/src/bank) with the Java client: consumes, writes what follows, and commits its position,
 * all in one transaction, until its standard input ends.
 *
 * It prints what it does in lines that protocol-tests/src/bank/line.rs describes.
 */
public class Bank {
    static final Duration PATIENCE = Duration.ofSeconds(60);
    static final int PARTITIONS = 3;
    static String bank;
    static String life;
    static Random dice;
    static volatile boolean over;

    public static void main(String[] job) throws IOException {
        String bootstrap = job[0], name = job[2], protocol = job[5], membership = job[6];
        bank = job[1];
        life = job[3];
        dice = new Random(Long.parseLong(job[4]));
        Thread input = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (IOException ended) {
                // As good as closed.
            }
            over = true;
        });
        input.setDaemon(true);
        input.start();
        try (Producer<String, String> producer = new KafkaProducer<>(producer(bootstrap, name));
             Consumer<String, String> consumer = new KafkaConsumer<>(consumer(bootstrap, name, protocol, membership))) {
            consumer.subscribe(List.of(bank + "-transfers", bank + "-debits", bank + "-credits"));
            work(producer, consumer);
        } catch (KafkaException error) {
            say("fell " + error.toString().lines().findFirst().orElse(""));
            Runtime.getRuntime().halt(1);
        }
    }

    static void work(Producer<String, String> producer, Consumer<String, String> consumer) {
        insist(producer::initTransactions);
        long transaction = 0;
        while (!over) {
            ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(50));
            if (records.isEmpty()) {
                continue;
            }
            transaction++;
            try {
                if (transact(transaction, records, producer, consumer.groupMetadata())) {
                    say("committed " + transaction);
                    continue;
                }
            } catch (ProducerFencedException | InvalidProducerEpochException | FencedInstanceIdException fatal) {
                throw fatal;
            } catch (KafkaException abortable) {
                // Aborting tells whether it was.
            }
            insist(producer::abortTransaction);
            say("aborted " + transaction);
            for (TopicPartition partition : records.partitions()) {
                consumer.seek(partition, records.records(partition).get(0).offset());
            }
        }
    }

    /** False if it chose not to commit. */
    static boolean transact(long transaction, ConsumerRecords<String, String> records, Producer<String, String> producer,
                            ConsumerGroupMetadata member) {
        producer.beginTransaction();
        int written = 0;
        Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
        for (ConsumerRecord<String, String> record : records) {
            for (String[] entry : consequences(record.topic(), record.value())) {
                String value = life + "." + transaction + "." + written++ + " " + entry[1];
                write(transaction, bank + "-" + entry[0], value, producer);
            }
            positions.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
        producer.sendOffsetsToTransaction(positions, member);
        if (dice.nextInt(10) == 0) {
            return false;
        }
        say("asks " + transaction + " " + System.nanoTime());
        insist(producer::commitTransaction);
        return true;
    }

    /** Topic and content of what follows: from a transfer a debit and a credit, from each of those an entry of the ledger. */
    static List<String[]> consequences(String topic, String value) {
        String[] words = value.split(" ");
        if (topic.endsWith("-transfers")) {
            String id = words[0], from = words[1], to = words[2], amount = words[3];
            return List.of(
                new String[] {"debits", id + " " + from + " -" + amount},
                new String[] {"credits", id + " " + to + " " + amount});
        }
        return List.<String[]>of(new String[] {"ledger", words[1] + " " + words[2] + " " + words[3]});
    }

    static void write(long transaction, String topic, String value, Producer<String, String> producer) {
        int partition = (int) (Long.parseLong(value.split(" ")[2]) % PARTITIONS);
        say("send " + transaction + " " + topic + " " + partition + " " + value);
        producer.send(new ProducerRecord<>(topic, partition, null, value), (stored, error) -> {
            if (error == null) {
                say("stored " + topic + " " + partition + " " + stored.offset() + " " + value);
            }
        });
    }

    /** Tries again when there was no answer in time, as the client's documentation tells to. */
    static void insist(Runnable ask) {
        while (true) {
            try {
                ask.run();
                return;
            } catch (TimeoutException again) {
                // The server is away.
            }
        }
    }

    static Map<String, Object> producer(String bootstrap, String name) {
        return Map.of(
            "bootstrap.servers", bootstrap,
            "transactional.id", name,
            "transaction.timeout.ms", 20_000,
            "reconnect.backoff.max.ms", 200,
            "max.block.ms", PATIENCE.toMillis(),
            "key.serializer", StringSerializer.class,
            "value.serializer", StringSerializer.class);
    }

    static Map<String, Object> consumer(String bootstrap, String name, String protocol, String membership) {
        Map<String, Object> settings = new HashMap<>(Map.of(
            "bootstrap.servers", bootstrap,
            "group.id", bank,
            "group.protocol", protocol,
            "isolation.level", "read_committed",
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "max.poll.records", 1 + dice.nextInt(50),
            "reconnect.backoff.max.ms", 200,
            "key.deserializer", StringDeserializer.class,
            "value.deserializer", StringDeserializer.class));
        if (protocol.equals("classic")) {
            settings.put("session.timeout.ms", 6_000);
            settings.put("heartbeat.interval.ms", 500);
        }
        if (membership.equals("static")) {
            settings.put("group.instance.id", name);
        }
        return settings;
    }

    /** One write for each line, so that no kill tears one. */
    static void say(String line) {
        try {
            OUTPUT.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException gone) {
            throw new UncheckedIOException(gone);
        }
    }

    static final FileOutputStream OUTPUT = new FileOutputStream(FileDescriptor.out);
}
