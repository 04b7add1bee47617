// franz-go's share consumer against a broker: implicit accepting, release, reject, renew, close, two members on one partition,
// and where a group stands.
//
// Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lock is the shortest that a broker allows by default.
const lock = 15 * time.Second

var (
	bootstrap = os.Args[1]
	run       = fmt.Sprintf("franz-go-share-%x", time.Now().UnixNano())
	ctx, _    = context.WithTimeout(context.Background(), 4*time.Minute)
	raw       = client()
	admin     = kadm.NewClient(raw)
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

func client(options ...kgo.Opt) *kgo.Client {
	return must(kgo.NewClient(append(options, kgo.SeedBrokers(bootstrap))...))
}

// begin makes a topic with one partition, and sees to it that the group of the same name begins at its beginning.
func begin(what string) string {
	name := run + "-" + what
	must(admin.CreateTopic(ctx, 1, 1, nil, name))
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, name
	for key, value := range map[string]string{
		"share.auto.offset.reset":       "earliest",
		"share.record.lock.duration.ms": strconv.FormatInt(lock.Milliseconds(), 10),
	} {
		config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		config.Name, config.Value = key, &value
		resource.Configs = append(resource.Configs, config)
	}
	request.Resources = append(request.Resources, resource)
	altered := must(request.RequestWith(ctx, raw)).Resources[0]
	check(altered.ErrorCode == 0, "group configs: %v", altered)
	return name
}

// send produces the numbers from..to and waits until every one is acknowledged.
func send(topic string, from, to int) {
	producer := client(kgo.DefaultProduceTopic(topic))
	defer producer.Close()
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, kgo.StringRecord(strconv.Itoa(n)))
	}
	check(producer.ProduceSync(ctx, records...).FirstErr() == nil, "produce failed")
}

// member of the share group that has the name of its topic; what a broker says of its acknowledgements has to be good.
func member(name string, options ...kgo.Opt) *kgo.Client {
	outcome := func(_ *kgo.Client, results kgo.ShareAckResults) {
		for _, result := range results {
			check(result.Err == nil, "acknowledge: %v", result.Err)
		}
	}
	options = append(options, kgo.ShareGroup(name), kgo.ConsumeTopics(name), kgo.ShareAckCallback(outcome))
	return client(options...)
}

// poll waits for records, up to that time.
func poll(member *kgo.Client, patience time.Duration) []*kgo.Record {
	patient, done := context.WithTimeout(ctx, patience)
	defer done()
	fetches := member.PollRecords(patient, 1000)
	fetches.EachError(func(_ string, _ int32, err error) {
		check(patient.Err() != nil, "poll: %v", err)
	})
	return fetches.Records()
}

// take polls until there are that many records, and returns them without having settled the last poll's.
func take(member *kgo.Client, count int) []*kgo.Record {
	var all []*kgo.Record
	for end := time.Now().Add(30 * time.Second); len(all) < count; {
		check(time.Now().Before(end), "%d records of %d", len(all), count)
		all = append(all, poll(member, time.Second)...)
	}
	return all
}

// settle gives every record its due and waits until the broker has taken it.
func settle(member *kgo.Client, records []*kgo.Record, judge func(n int) kgo.AckStatus) {
	for _, record := range records {
		record.Ack(judge(number(record)))
	}
	check(member.FlushAcks(ctx) == nil, "acknowledgements are still on their way")
}

func always(status kgo.AckStatus) func(int) kgo.AckStatus {
	return func(int) kgo.AckStatus { return status }
}

func number(record *kgo.Record) int { return must(strconv.Atoi(string(record.Value))) }

// finished waits until the group is done with every record of its topic.
func finished(name string, records int64) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		group := must(admin.DescribeShareGroupOffsets(ctx, name))[name]
		check(group.Err == nil, "%v", group.Err)
		at := group.Offsets[name][0]
		if at.Lag == 0 {
			return
		}
		check(time.Now().Before(end), "the group stands at %d of %d, lag %d", at.StartOffset, records, at.Lag)
	}
}

func implicit(name string) {
	send(name, 0, 100)
	one := member(name)
	for _, record := range take(one, 100) {
		check(record.DeliveryCount() == 1, "delivery count %d", record.DeliveryCount())
	}
	check(len(poll(one, 500*time.Millisecond)) == 0, "more than was sent")
	one.Close()
	finished(name, 100)
	ok("what a poll returned is accepted with the next one")
}

func release(name string) {
	send(name, 0, 5)
	one := member(name)
	settle(one, take(one, 5), func(n int) kgo.AckStatus {
		return map[bool]kgo.AckStatus{true: kgo.AckRelease, false: kgo.AckAccept}[n == 2]
	})
	again := take(one, 1)
	check(number(again[0]) == 2 && again[0].DeliveryCount() == 2, "%s %d", again[0].Value, again[0].DeliveryCount())
	settle(one, again, always(kgo.AckReject))
	send(name, 5, 6)
	later := take(one, 1)
	check(len(later) == 1 && number(later[0]) == 5, "%v", later)
	settle(one, later, always(kgo.AckAccept))
	one.Close()
	finished(name, 6)
	ok("a released record comes again with delivery count 2, a rejected one never")
}

func closing(name string) {
	send(name, 0, 10)
	one := member(name)
	take(one, 10)
	one.Close()
	closed := time.Now()
	two := member(name)
	again := take(two, 10)
	check(time.Since(closed) < lock/2, "records waited for their locks to time out")
	settle(two, again, always(kgo.AckAccept))
	two.Close()
	finished(name, 10)
	ok("close: what a member had goes to the next one at once")
}

func renew(name string) {
	send(name, 0, 1)
	one := member(name)
	record := take(one, 1)[0]
	two := member(name)
	for range 4 {
		check(len(poll(two, lock/3)) == 0, "the record went to another member")
		settle(one, []*kgo.Record{record}, always(kgo.AckRenew))
	}
	settle(one, []*kgo.Record{record}, always(kgo.AckAccept))
	one.Close()
	two.Close()
	finished(name, 1)
	ok("renew: a record is kept for longer than its lock lasts, and then accepted")
}

func timeOut(name string) {
	send(name, 0, 3)
	// Without the last option it would fetch ahead, and might be given them again itself.
	one := client(kgo.ShareGroup(name), kgo.ConsumeTopics(name), kgo.ShareMaxRecordsStrict())
	take(one, 3)
	taken := time.Now()
	two := member(name)
	again := take(two, 3)
	check(time.Since(taken) > lock-3*time.Second, "after %v", time.Since(taken))
	check(again[0].DeliveryCount() == 2, "delivery count %d", again[0].DeliveryCount())
	settle(two, again, always(kgo.AckAccept))
	one.Close()
	two.Close()
	finished(name, 3)
	ok("a lock times out: the records go to the other member with delivery count 2")
}

func twoMembers(name string) {
	one, two := member(name, kgo.ShareMaxRecords(10), kgo.ShareMaxRecordsStrict()), member(name, kgo.ShareMaxRecords(10), kgo.ShareMaxRecordsStrict())
	send(name, 0, 1000)
	seen, counts := map[int]bool{}, [2]int{}
	for end := time.Now().Add(30 * time.Second); len(seen) < 1000; {
		check(time.Now().Before(end), "%d records", len(seen))
		for i, member := range []*kgo.Client{one, two} {
			records := poll(member, 100*time.Millisecond)
			check(len(records) <= 10, "%d records in one poll", len(records))
			for _, record := range records {
				check(!seen[number(record)], "%s came twice", record.Value)
				seen[number(record)] = true
				counts[i]++
			}
			settle(member, records, always(kgo.AckAccept))
		}
	}
	check(counts[0] > 0 && counts[1] > 0, "%v", counts)
	group := must(admin.DescribeShareGroups(ctx, name))[name]
	check(group.Err == nil && len(group.Members) == 2, "%v", group)
	one.Close()
	two.Close()
	finished(name, 1000)
	ok("two members work on one partition, ten records at a time, and every record goes to one of them")
}

func main() {
	implicit(begin("implicit"))
	release(begin("release"))
	closing(begin("close"))
	twoMembers(begin("two"))
	timeOut(begin("timeout"))
	renew(begin("renew"))
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == "github.com/twmb/franz-go" {
			fmt.Println("version franz-go", module.Version)
		}
	}
}
