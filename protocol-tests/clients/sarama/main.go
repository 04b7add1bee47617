// sarama against a broker: administration, every codec, two groups, a rebalance, commits, transactions.
//
// Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

var (
	bootstrap = os.Args[1:2]
	run       = fmt.Sprintf("sarama-%x", time.Now().UnixNano())
	admin     = must(sarama.NewClusterAdmin(bootstrap, config()))
	client    = must(sarama.NewClient(bootstrap, config()))
	codecs    = []sarama.CompressionCodec{
		sarama.CompressionNone, sarama.CompressionGZIP, sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD,
	}
)

func ok(promise string) { fmt.Println("ok", promise) }

func check(holds bool, format string, args ...any) {
	if !holds {
		log.Fatalf(format, args...)
	}
}

func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

func refused(expected sarama.KError, err error) {
	check(errors.Is(err, expected), "expected %v, got %v", expected, err)
}

// wait looks until the condition holds, and fails after the deadline.
func wait(what string, condition func() bool) {
	for end := time.Now().Add(30 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		check(time.Now().Before(end), "still waiting for: %s", what)
	}
}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	return c
}

func create(topic string, partitions int32, replicas int16, configs map[string]string) error {
	values := map[string]*string{}
	for name, value := range configs {
		values[name] = &value
	}
	err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: replicas, ConfigEntries: values}, false)
	if err == nil {
		wait(topic+" to be listed", func() bool { return partitionCount(topic) == int(partitions) })
	}
	return err
}

func partitionCount(topic string) int {
	return len(must(admin.DescribeTopics([]string{topic}))[0].Partitions)
}

// send produces the numbers from..to, ten keys in turn, and waits until every one is acknowledged.
func send(topic string, from, to int, codec sarama.CompressionCodec) {
	c := config()
	c.Producer.Compression = codec
	producer := must(sarama.NewSyncProducer(bootstrap, c))
	defer producer.Close()
	var messages []*sarama.ProducerMessage
	for n := from; n < to; n++ {
		value := sarama.StringEncoder(strconv.Itoa(n))
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topic, Key: sarama.StringEncoder(fmt.Sprintf("key-%d", n%10)), Value: value,
			Headers: []sarama.RecordHeader{{Key: []byte("n"), Value: []byte(value)}},
		})
	}
	err := producer.SendMessages(messages)
	check(err == nil, "produce failed: %v", err)
}

// seen is what the members of a group were given, in the order in which they were.
type seen struct {
	sync.Mutex
	messages []*sarama.ConsumerMessage
}

func (s *seen) count() int {
	s.Lock()
	defer s.Unlock()
	return len(s.messages)
}

// contents checks that every number came once, on its key, with its header, and in order per key.
func (s *seen) contents(expected int) {
	last, numbers := map[string]int{}, map[int]bool{}
	for _, message := range s.messages {
		n := must(strconv.Atoi(string(message.Value)))
		key := string(message.Key)
		check(key == fmt.Sprintf("key-%d", n%10), "%d has key %s", n, key)
		check(string(message.Headers[0].Value) == string(message.Value), "%d has headers %v", n, message.Headers)
		previous, known := last[key]
		check(!known || previous < n, "%s out of order: %d after %d", key, n, previous)
		last[key], numbers[n] = n, true
	}
	check(len(s.messages) == expected && len(numbers) == expected, "%d messages, %d different", len(s.messages), len(numbers))
}

// member reads as one of a group and commits what it has processed before it gives partitions up.
type member struct {
	seen       *seen
	group      sarama.ConsumerGroup
	cancel     context.CancelFunc
	mutex      sync.Mutex
	partitions []int32
	count      int
	done       chan struct{}
}

func join(group, topic string, seen *seen) *member {
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{seen: seen, group: must(sarama.NewConsumerGroup(bootstrap, group, config())), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			err := m.group.Consume(ctx, []string{topic}, m)
			check(err == nil, "consume failed: %v", err)
		}
	}()
	return m
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.hold(slices.Concat(slices.Collect(maps.Values(session.Claims()))...))
	return nil
}

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message := <-claim.Messages():
			if message == nil {
				return nil
			}
			m.seen.Lock()
			m.seen.messages = append(m.seen.messages, message)
			m.count++
			m.seen.Unlock()
			session.MarkMessage(message, "")
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) Cleanup(session sarama.ConsumerGroupSession) error {
	session.Commit()
	m.hold(nil)
	return nil
}

func (m *member) hold(partitions []int32) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.partitions = partitions
}

func (m *member) assigned() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.partitions
}

func (m *member) leave() {
	m.cancel()
	<-m.done
	check(m.group.Close() == nil, "close failed")
}

func topicConfig(topic, name string) string {
	entries := must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{name}}))
	check(len(entries) == 1, "%s: %v", name, entries)
	return fmt.Sprint(entries[0].Value, " ", entries[0].Source)
}

// offsets asks for the offset at a time (or a special one) of each partition.
func offsets(topic string, time int64) map[int32]int64 {
	check(client.RefreshMetadata(topic) == nil, "no metadata")
	result := map[int32]int64{}
	for _, p := range must(client.Partitions(topic)) {
		result[p] = must(client.GetOffset(topic, p, time))
	}
	return result
}

func administration() {
	topic := run + "-admin"
	check(create(topic, 3, 1, map[string]string{"retention.ms": "3600000"}) == nil, "create failed")
	ok("create topic with 3 partitions")
	refused(sarama.ErrTopicAlreadyExists, create(topic, 3, 1, nil))
	refused(sarama.ErrInvalidConfig, create(topic+"-bad", 1, 1, map[string]string{"retention.ms": "soon"}))
	refused(sarama.ErrInvalidReplicationFactor, create(topic+"-3", 1, 3, nil))
	ok("refuse an existing topic, an invalid config, a replication factor of 3")

	check(topicConfig(topic, "retention.ms") == "3600000 Topic", "%s", topicConfig(topic, "retention.ms"))
	value := "65536"
	change := map[string]sarama.IncrementalAlterConfigsEntry{
		"max.message.bytes": {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value},
	}
	must(0, admin.IncrementalAlterConfig(sarama.TopicResource, topic, change, false))
	wait("the altered config", func() bool { return topicConfig(topic, "max.message.bytes") == "65536 Topic" })
	check(topicConfig(topic, "cleanup.policy") == "delete Default", "%s", topicConfig(topic, "cleanup.policy"))
	ok("describe and alter configs")

	must(0, admin.CreatePartitions(topic, 5, nil, false))
	wait("5 partitions", func() bool { return partitionCount(topic) == 5 })
	ok("add partitions")

	before := time.Now().UnixMilli()
	send(topic, 0, 100, sarama.CompressionNone)
	ends, timed, total := offsets(topic, sarama.OffsetNewest), offsets(topic, before), int64(0)
	for p, end := range ends {
		total += end
		check(timed[p] == min(end, 1)-1, "offset by time of partition %d: %d", p, timed[p])
	}
	check(total == 100, "end offsets sum up to %d", total)
	must(0, admin.DeleteRecords(topic, ends))
	check(maps.Equal(offsets(topic, sarama.OffsetOldest), ends), "records were not deleted")
	ok("list offsets by time, delete records")

	must(0, admin.DeleteTopic(topic))
	wait("the topic to be gone", func() bool { _, found := must(admin.ListTopics())[topic]; return !found })
	refused(sarama.ErrUnknownTopicOrPartition, admin.DeleteTopic(topic))
	ok("delete topic, refuse an unknown one")
}

func codecsAndGroups(topic string) {
	must(0, create(topic, 4, 1, nil))
	for i, codec := range codecs {
		send(topic, i*1000, i*1000+1000, codec)
		ok(fmt.Sprintf("produce %s 1000 records, idempotent", codec))
	}
	for _, group := range []string{"a", "b"} {
		seen := &seen{}
		member := join(run+"-"+group, topic, seen)
		wait("5000 records", func() bool { return seen.count() >= 5000 })
		member.leave()
		seen.contents(5000)
		ok(fmt.Sprintf("group %s gets every record of every codec, in order per key, with headers", group))
	}
}

func rebalance(topic, group string) {
	must(0, create(topic, 4, 1, nil))
	given := &seen{}
	first := join(group, topic, given)
	send(topic, 0, 1000, sarama.CompressionNone)
	wait("the first 1000", func() bool { return given.count() >= 1000 })

	second := join(group, topic, given)
	wait("two partitions each", func() bool { return len(first.assigned()) == 2 && len(second.assigned()) == 2 })
	check(slices.Equal(slices.Sorted(slices.Values(slices.Concat(first.assigned(), second.assigned()))), []int32{0, 1, 2, 3}), "overlap")
	send(topic, 1000, 2000, sarama.CompressionNone)
	wait("the second 1000", func() bool { return given.count() >= 2000 })
	second.leave()
	check(second.count > 0, "the second member got nothing")
	wait("all partitions back", func() bool { return len(first.assigned()) == 4 })
	send(topic, 2000, 3000, sarama.CompressionNone)
	wait("the third 1000", func() bool { return given.count() >= 3000 })
	described := must(admin.DescribeConsumerGroups([]string{group}))[0]
	check(described.State == "Stable" && len(described.Members) == 1, "%+v", described)
	check(must(admin.ListConsumerGroups())[group] == "consumer", "the group is not listed")
	first.leave()
	given.contents(3000)
	ok("rebalance: a second member takes two partitions over and gives them back; nothing lost or duplicated")

	committed := int64(0)
	for _, block := range must(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1, 2, 3}})).Blocks[topic] {
		committed += block.Offset
	}
	check(committed == 3000, "committed %d", committed)
	send(topic, 3000, 3001, sarama.CompressionNone)
	later := &seen{}
	third := join(group, topic, later)
	wait("what follows the commits", func() bool { return later.count() > 0 })
	third.leave()
	check(later.count() == 1 && string(later.messages[0].Value) == "3000", "%d after the commits", later.count())
	ok("commits survive the members; describe and list the group")
	must(0, admin.DeleteConsumerGroup(group))
	refused(sarama.ErrGroupIDNotFound, admin.DeleteConsumerGroup(group))
	ok("delete the group, refuse an unknown one")
}

func transactions(topic, group string) {
	must(0, create(topic, 4, 1, nil))
	c := config()
	c.Producer.Transaction.ID = run
	c.Producer.Partitioner = sarama.NewManualPartitioner
	producer := must(sarama.NewSyncProducer(bootstrap, c))
	for _, commits := range []bool{false, true} {
		first := map[bool]int{false: 0, true: 100}[commits]
		must(0, producer.BeginTxn())
		var messages []*sarama.ProducerMessage
		for n := first; n < first+100; n++ {
			value := sarama.StringEncoder(strconv.Itoa(n))
			messages = append(messages, &sarama.ProducerMessage{Topic: topic, Partition: int32(n % 4), Value: value})
		}
		must(0, producer.SendMessages(messages))
		position := map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: int64(first) + 1}}}
		must(0, producer.AddOffsetsToTxn(position, group))
		if commits {
			must(0, producer.CommitTxn())
		} else {
			must(0, producer.AbortTxn())
		}
	}
	must(0, producer.Close())
	c = config()
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	consumer := must(sarama.NewConsumer(bootstrap, c))
	var numbers []int
	for p := range int32(4) {
		partition := must(consumer.ConsumePartition(topic, p, sarama.OffsetOldest))
		for range 25 {
			select {
			case message := <-partition.Messages():
				numbers = append(numbers, must(strconv.Atoi(string(message.Value))))
			case <-time.After(30 * time.Second):
				log.Fatalf("partition %d: %v, and no more", p, numbers)
			}
		}
		must(0, partition.Close())
	}
	slices.Sort(numbers)
	check(numbers[0] == 100 && numbers[99] == 199 && len(slices.Compact(numbers)) == 100, "%v", numbers)
	committed := must(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}})).Blocks[topic][0].Offset
	check(committed == 101, "committed %d", committed)
	ok("transactions: what is committed is read, and the position with it; what is aborted is not")
}

func main() {
	administration()
	codecsAndGroups(run + "-codecs")
	rebalance(run+"-rebalance", run+"-group")
	transactions(run+"-transactions", run+"-positions")
	must(0, admin.DeleteTopic(run+"-transactions"))
	must(0, admin.DeleteTopic(run+"-codecs"))
	must(0, admin.DeleteTopic(run+"-rebalance"))
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/IBM/sarama" {
			fmt.Println("version sarama", module.Version)
		}
	}
}
