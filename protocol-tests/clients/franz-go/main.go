// franz-go against a broker: administration, every codec, two groups, rebalances (cooperative, and by the protocol of consumer
// groups), an expression, a static member, the change of a group's protocol, commits, transactions.
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
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	bootstrap = os.Args[1]
	run       = fmt.Sprintf("franz-go-%x", time.Now().UnixNano())
	ctx, _    = context.WithTimeout(context.Background(), 2*time.Minute)
	admin     = kadm.NewClient(client())
	codecs    = []struct {
		name  string
		codec kgo.CompressionCodec
	}{
		{"none", kgo.NoCompression()},
		{"gzip", kgo.GzipCompression()},
		{"snappy", kgo.SnappyCompression()},
		{"lz4", kgo.Lz4Compression()},
		{"zstd", kgo.ZstdCompression()},
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

func refused(expected, err error) {
	check(errors.Is(err, expected), "expected %v, got %v", expected, err)
}

// wait looks until the condition holds, and fails after the deadline.
func wait(what string, condition func() bool) {
	for end := time.Now().Add(30 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		check(time.Now().Before(end), "still waiting for: %s", what)
	}
}

func client(options ...kgo.Opt) *kgo.Client {
	return must(kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...))
}

func create(topic string, partitions int32, replicas int16, configs map[string]string) error {
	values := map[string]*string{}
	for name, value := range configs {
		values[name] = &value
	}
	_, err := admin.CreateTopic(ctx, partitions, replicas, values, topic)
	if err == nil {
		wait(topic+" to be listed", func() bool { return partitionCount(topic) == int(partitions) })
	}
	return err
}

func partitionCount(topic string) int {
	return len(must(admin.ListTopics(ctx, topic))[topic].Partitions)
}

// send produces the numbers from..to, ten keys in turn, and waits until every one is acknowledged. It is idempotent by default.
func send(topic string, from, to int, options ...kgo.Opt) {
	producer := client(append(options, kgo.DefaultProduceTopic(topic))...)
	defer producer.Close()
	var records []*kgo.Record
	for n := from; n < to; n++ {
		value := []byte(strconv.Itoa(n))
		headers := []kgo.RecordHeader{{Key: "n", Value: value}}
		records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "key-%d", n%10), Value: value, Headers: headers})
	}
	check(producer.ProduceSync(ctx, records...).FirstErr() == nil, "produce failed")
}

// seen is what the members of a group were given, in the order in which they were.
type seen struct {
	sync.Mutex
	records []*kgo.Record
}

func (s *seen) count() int {
	s.Lock()
	defer s.Unlock()
	return len(s.records)
}

// contents checks that every number came once, on its key, with its header, and in order per key.
func (s *seen) contents(expected int) {
	last, numbers := map[string]int{}, map[int]bool{}
	for _, record := range s.records {
		n := must(strconv.Atoi(string(record.Value)))
		key := string(record.Key)
		check(key == fmt.Sprintf("key-%d", n%10), "%d has key %s", n, key)
		check(string(record.Headers[0].Value) == string(record.Value), "%d has headers %v", n, record.Headers)
		previous, known := last[key]
		check(!known || previous < n, "%s out of order: %d after %d", key, n, previous)
		last[key], numbers[n] = n, true
	}
	check(len(s.records) == expected && len(numbers) == expected, "%d records, %d different", len(s.records), len(numbers))
}

// member reads as one of a group and commits what it has processed before it gives partitions up.
type member struct {
	client     *kgo.Client
	mutex      sync.Mutex
	partitions map[int32]bool
	count      int
	done       chan struct{}
}

// consumers is the protocol in which the broker assigns. Members of the other one are asked by their own heartbeats to rebalance.
var (
	classic   = []kgo.Opt{kgo.HeartbeatInterval(500 * time.Millisecond)}
	consumers = []kgo.Opt{kgo.ServerSideBalancer()}
)

func join(group, topic string, seen *seen, protocol ...kgo.Opt) *member {
	m := &member{partitions: map[int32]bool{}, done: make(chan struct{})}
	m.client = client(append(protocol,
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) {
			for _, partitions := range assigned {
				m.each(partitions, func(p int32) { m.partitions[p] = true })
			}
		}),
		kgo.OnPartitionsRevoked(func(ctx context.Context, client *kgo.Client, revoked map[string][]int32) {
			check(client.CommitUncommittedOffsets(ctx) == nil, "commit failed")
			for _, partitions := range revoked {
				m.each(partitions, func(p int32) { delete(m.partitions, p) })
			}
		}),
	)...)
	go m.read(seen)
	return m
}

func (m *member) read(seen *seen) {
	defer close(m.done)
	for {
		fetches := m.client.PollFetches(ctx)
		if fetches.IsClientClosed() {
			return
		}
		check(fetches.Err() == nil, "fetch failed: %v", fetches.Err())
		seen.Lock()
		seen.records = append(seen.records, fetches.Records()...)
		seen.Unlock()
		m.each([]int32{0}, func(int32) { m.count += fetches.NumRecords() })
		m.client.AllowRebalance()
	}
}

func (m *member) each(partitions []int32, do func(int32)) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, p := range partitions {
		do(p)
	}
}

func (m *member) assigned() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Sorted(maps.Keys(m.partitions))
}

func (m *member) leave() {
	m.client.CloseAllowingRebalance()
	<-m.done
}

func config(topic, name string) string {
	resource := must(must(admin.DescribeTopicConfigs(ctx, topic)).On(topic, nil))
	i := slices.IndexFunc(resource.Configs, func(c kadm.Config) bool { return c.Key == name })
	return fmt.Sprint(resource.Configs[i].MaybeValue(), " ", resource.Configs[i].Source)
}

func administration() {
	topic := run + "-admin"
	check(create(topic, 3, 1, map[string]string{"retention.ms": "3600000"}) == nil, "create failed")
	ok("create topic with 3 partitions")
	refused(kerr.TopicAlreadyExists, create(topic, 3, 1, nil))
	refused(kerr.InvalidConfig, create(topic+"-bad", 1, 1, map[string]string{"retention.ms": "soon"}))
	refused(kerr.InvalidReplicationFactor, create(topic+"-3", 1, 3, nil))
	ok("refuse an existing topic, an invalid config, a replication factor of 3")

	check(config(topic, "retention.ms") == "3600000 DYNAMIC_TOPIC_CONFIG", "%s", config(topic, "retention.ms"))
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("65536")}}
	must(must(admin.AlterTopicConfigs(ctx, change, topic)).On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err }))
	wait("the altered config", func() bool { return config(topic, "max.message.bytes") == "65536 DYNAMIC_TOPIC_CONFIG" })
	check(config(topic, "cleanup.policy") == "delete DEFAULT_CONFIG", "%s", config(topic, "cleanup.policy"))
	ok("describe and alter configs")

	check(must(admin.UpdatePartitions(ctx, 5, topic))[topic].Err == nil, "add partitions failed")
	wait("5 partitions", func() bool { return partitionCount(topic) == 5 })
	ok("add partitions")

	before := time.Now().UnixMilli()
	send(topic, 0, 100)
	ends, total := must(admin.ListEndOffsets(ctx, topic)), int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += o.Offset })
	check(total == 100, "end offsets sum up to %d", total)
	must(admin.ListOffsetsAfterMilli(ctx, before, topic)).Each(func(o kadm.ListedOffset) {
		check(o.Err == nil && o.Offset == 0, "offset by time: %+v", o)
	})
	must(admin.DeleteRecords(ctx, ends.Offsets())).Each(func(r kadm.DeleteRecordsResponse) {
		check(r.Err == nil && r.LowWatermark == ends[topic][r.Partition].Offset, "delete records: %+v", r)
	})
	must(admin.ListStartOffsets(ctx, topic)).Each(func(o kadm.ListedOffset) {
		check(o.Offset == ends[topic][o.Partition].Offset, "start offset: %+v", o)
	})
	ok("list offsets by time, delete records")

	must(admin.DeleteTopic(ctx, topic))
	wait("the topic to be gone", func() bool { return !must(admin.ListTopics(ctx)).Has(topic) })
	_, err := admin.DeleteTopic(ctx, topic)
	refused(kerr.UnknownTopicOrPartition, err)
	ok("delete topic, refuse an unknown one")
}

func codecsAndGroups(topic string) {
	must(0, create(topic, 4, 1, nil))
	for i, c := range codecs {
		send(topic, i*1000, i*1000+1000, kgo.ProducerBatchCompression(c.codec))
		ok(fmt.Sprintf("produce %s 1000 records, idempotent", c.name))
	}
	for _, group := range []string{"a", "b"} {
		seen := &seen{}
		member := join(run+"-"+group, topic, seen, classic...)
		wait("5000 records", func() bool { return seen.count() >= 5000 })
		member.leave()
		seen.contents(5000)
		ok(fmt.Sprintf("group %s gets every record of every codec, in order per key, with headers", group))
	}
}

// state is where a group stands, and how many members it has.
func state(group string, described kadm.DescribedConsumerGroups, older kadm.DescribedGroups) (string, int) {
	if one := described[group]; one.Err == nil {
		return one.State, len(one.Members)
	}
	return older[group].State, len(older[group].Members)
}

func rebalance(topic, group, name string, protocol []kgo.Opt) {
	must(0, create(topic, 4, 1, nil))
	given := &seen{}
	first := join(group, topic, given, protocol...)
	send(topic, 0, 1000)
	wait("the first 1000", func() bool { return given.count() >= 1000 })

	second := join(group, topic, given, protocol...)
	wait("two partitions each", func() bool { return len(first.assigned()) == 2 && len(second.assigned()) == 2 })
	check(slices.Equal(slices.Sorted(slices.Values(append(first.assigned(), second.assigned()...))), []int32{0, 1, 2, 3}), "overlap")
	send(topic, 1000, 2000)
	wait("the second 1000", func() bool { return given.count() >= 2000 })
	second.leave()
	check(second.count > 0, "the second member got nothing")
	wait("all partitions back", func() bool { return len(first.assigned()) == 4 })
	send(topic, 2000, 3000)
	wait("the third 1000", func() bool { return given.count() >= 3000 })
	described, members := state(group, must(admin.DescribeConsumerGroups(ctx, group)), must(admin.DescribeGroups(ctx, group)))
	check(described == "Stable" && members == 1, "%s with %d members", described, members)
	check(must(admin.ListGroups(ctx))[group].State == "Stable", "the group is not listed")
	first.leave()
	given.contents(3000)
	ok(name + ": a second member takes two partitions over and gives them back; nothing lost or duplicated")

	committed := int64(0)
	must(admin.FetchOffsets(ctx, group)).Each(func(o kadm.OffsetResponse) { committed += o.At })
	check(committed == 3000, "committed %d", committed)
	send(topic, 3000, 3001)
	later := &seen{}
	third := join(group, topic, later, protocol...)
	wait("what follows the commits", func() bool { return later.count() > 0 })
	third.leave()
	check(later.count() == 1 && string(later.records[0].Value) == "3000", "%d after the commits", later.count())
	ok("commits survive the members; describe and list the group")
	must(admin.DeleteGroup(ctx, group))
	_, err := admin.DeleteGroup(ctx, group)
	refused(kerr.GroupIDNotFound, err)
	ok("delete the group, refuse an unknown one")
}

func expression(topic string) {
	must(0, create(topic+"-1", 2, 1, nil))
	send(topic+"-1", 0, 1000)
	given := &seen{}
	member := join(topic+"-group", topic+"-[0-9]", given, append(consumers, kgo.ConsumeRegex())...)
	wait("the first topic", func() bool { return given.count() >= 1000 })
	must(0, create(topic+"-2", 2, 1, nil))
	send(topic+"-2", 1000, 2000)
	wait("the second topic", func() bool { return given.count() >= 2000 })
	member.leave()
	given.contents(2000)
	ok("consumer protocol: an expression finds topics as they come")
}

func staticMember(topic string) {
	must(0, create(topic, 4, 1, nil))
	given, group := &seen{}, topic+"-group"
	fixed := append(consumers, kgo.InstanceID("one"))
	first, other := join(group, topic, given, fixed...), join(group, topic, given, consumers...)
	wait("two partitions each", func() bool { return len(first.assigned()) == 2 && len(other.assigned()) == 2 })
	before, others := first.assigned(), other.assigned()
	first.leave()
	send(topic, 0, 1000)
	first = join(group, topic, given, fixed...)
	wait("every record", func() bool { return given.count() >= 1000 })
	check(slices.Equal(first.assigned(), before) && slices.Equal(other.assigned(), others), "%v were %v", first.assigned(), before)
	first.leave()
	other.leave()
	given.contents(1000)
	ok("consumer protocol: a static member that returns has what it had, and the other keeps what it has")
}

func migration(topic string) {
	must(0, create(topic, 4, 1, nil))
	given, group := &seen{}, topic+"-group"
	older := join(group, topic, given, classic...)
	send(topic, 0, 1000)
	wait("the first 1000", func() bool { return given.count() >= 1000 })
	newer := join(group, topic, given, consumers...)
	wait("two partitions each", func() bool { return len(older.assigned()) == 2 && len(newer.assigned()) == 2 })
	send(topic, 1000, 2000)
	wait("the second 1000", func() bool { return given.count() >= 2000 })
	newer.leave()
	wait("all partitions back", func() bool { return len(older.assigned()) == 4 })
	send(topic, 2000, 3000)
	wait("the third 1000", func() bool { return given.count() >= 3000 })
	older.leave()
	given.contents(3000)
	ok("a group goes over to the consumer protocol and back while its members read; nothing lost or duplicated")
}

func transactions(topic, group string) {
	must(0, create(topic, 4, 1, nil))
	must(0, create(topic+"-out", 4, 1, nil))
	send(topic, 0, 100)
	session := must(kgo.NewGroupTransactSession(
		kgo.SeedBrokers(bootstrap), kgo.TransactionalID(run), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RequireStableFetchOffsets(),
		kgo.DefaultProduceTopic(topic+"-out"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	))
	// Each batch is tried twice: the first time it is aborted, and comes again.
	for aborts, through := true, 0; through < 100; aborts = !aborts {
		fetches := session.PollFetches(ctx)
		check(fetches.Err() == nil, "fetch failed: %v", fetches.Err())
		check(session.Begin() == nil, "no transaction begins")
		for _, record := range fetches.Records() {
			session.Produce(ctx, &kgo.Record{Key: record.Key, Value: record.Value, Headers: record.Headers}, nil)
		}
		committed := must(session.End(ctx, kgo.TransactionEndTry(!aborts)))
		check(committed == !aborts, "committed: %v", committed)
		if committed {
			through += fetches.NumRecords()
		}
	}
	session.Close()
	out := &seen{}
	reader := join(group+"-reader", topic+"-out", out, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	wait("100 records", func() bool { return out.count() >= 100 })
	reader.leave()
	out.contents(100)
	ok("transactions: what is committed is read, and the position with it; what is aborted is not")
}

func main() {
	administration()
	codecsAndGroups(run + "-codecs")
	rebalance(run+"-rebalance", run+"-group", "rebalance", classic)
	rebalance(run+"-consumer", run+"-consumers", "consumer protocol", consumers)
	expression(run + "-expression")
	staticMember(run + "-static")
	migration(run + "-migration")
	transactions(run+"-transactions", run+"-positions")
	ours := must(admin.ListTopics(ctx)).Names()
	ours = slices.DeleteFunc(ours, func(topic string) bool { return !strings.HasPrefix(topic, run) })
	must(admin.DeleteTopics(ctx, ours...))
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			fmt.Println("version franz-go", module.Version)
		}
	}
}
