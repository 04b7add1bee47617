// Sends the same requests, at every version that both know, to Apache Kafka and to Millstream, and fails where the answers
// differ. What must differ (ids, addresses, times) is left out; a text meant for people must be there when Kafka has one.
//
// Usage: compare <Kafka's bootstrap> <Millstream's bootstrap> [API…]; the requests are the lines of cases.txt, the differences
// that we know of and stand by are those of known.txt.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"maps"
	"net"
	"os"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const topic = "compared"

// names of all requests that the library knows.
var keys = func() map[string]int16 {
	keys := map[string]int16{}
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if kmsg.RequestForKey(key) != nil {
			keys[kmsg.NameForKey(key)] = key
		}
	}
	return keys
}()

// server is one side: a raw connection, which is opened anew when the server has closed it.
type server struct {
	address  string
	conn     net.Conn
	versions map[int16][2]int16
	topicID  [16]byte
	producer int64
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// ask returns the answer, or an error when there is none, as after a request that closes the connection.
func (s *server) ask(request kmsg.Request) (kmsg.Response, error) {
	if s.conn == nil {
		s.conn = must(net.Dial("tcp", s.address))
	}
	response, err := s.exchange(request)
	if err != nil {
		s.conn.Close()
		s.conn = nil
	}
	return response, err
}

func (s *server) exchange(request kmsg.Request) (kmsg.Response, error) {
	if _, err := s.conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("compare")).AppendRequest(nil, request, 7)); err != nil {
		return nil, err
	}
	s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	var length int32
	if err := binary.Read(s.conn, binary.BigEndian, &length); errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fmt.Errorf("no answer")
	} else if err != nil {
		return nil, fmt.Errorf("connection closed")
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(s.conn, body); err != nil {
		return nil, fmt.Errorf("connection closed")
	}
	response := request.ResponseKind()
	header := 4
	if response.IsFlexible() && request.Key() != int16(kmsg.ApiVersions) {
		header = 5
	}
	return response, response.ReadFrom(body[header:])
}

// insist repeats what a broker that has just started, or is still deleting, may refuse for a while.
func insist(ctx context.Context, attempt func() error) {
	for err := attempt(); err != nil; err = attempt() {
		must(0, ctx.Err())
	}
}

// prepare gives both sides the same topic, records, and committed offsets.
func prepare(address string) *server {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := must(kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite(), kgo.UnknownTopicRetries(-1)))
	defer client.Close()
	admin := kadm.NewClient(client)
	admin.DeleteTopics(ctx, topic)
	admin.DeleteGroups(ctx, topic)
	retention := map[string]*string{"retention.ms": kadm.StringPtr("-1")}
	insist(ctx, func() error { return must(admin.CreateTopics(ctx, 3, 1, retention, topic))[topic].Err })
	for n := range 30 {
		record := &kgo.Record{Topic: topic, Partition: 0, Value: fmt.Appendf(nil, "%d", n), Timestamp: time.UnixMilli(int64(1_600_000_000_000 + n/10*1000))}
		must(0, client.ProduceSync(ctx, record).FirstErr())
	}
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, 17, 0)
	insist(ctx, func() error { return admin.CommitAllOffsets(ctx, topic, offsets) })
	s := &server{address: address, versions: map[int16][2]int16{}, topicID: must(admin.ListTopics(ctx, topic))[topic].ID}
	init := kmsg.NewPtrInitProducerIDRequest()
	init.TransactionalID, init.TransactionTimeoutMillis = kmsg.StringPtr(topic), 60_000
	insist(ctx, func() error {
		response, err := init.RequestWith(ctx, client)
		if err != nil {
			return err
		}
		s.producer = response.ProducerID
		return kerr.ErrorForCode(response.ErrorCode)
	})
	for _, api := range must(s.ask(kmsg.NewPtrApiVersionsRequest())).(*kmsg.ApiVersionsResponse).ApiKeys {
		s.versions[api.ApiKey] = [2]int16{api.MinVersion, api.MaxVersion}
	}
	return s
}

// batch is one record batch with a single record; broken ones are made by changing bytes before or after the checksum.
func batch(change func([]byte), after func([]byte)) string {
	record := []byte{0x12, 0, 0, 0, 1, 0x06, 'a', 'b', 'c', 0}
	record[0] = byte(len(record)-1) << 1
	b := make([]byte, 61, 61+len(record))
	binary.BigEndian.PutUint32(b[8:], uint32(49+len(record)))
	b[16] = 2
	binary.BigEndian.PutUint64(b[27:], 1_600_000_003_000)
	binary.BigEndian.PutUint64(b[35:], 1_600_000_003_000)
	for i := 43; i < 57; i++ {
		b[i] = 0xff
	}
	b[60] = 1
	b = append(b, record...)
	change(b)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	after(b)
	return base64.StdEncoding.EncodeToString(b)
}

func at(i int, value byte) func([]byte) { return func(b []byte) { b[i] = value } }

func nothing([]byte) {}

// words are what a line of cases.txt may use in place of a value.
func (s *server) words() *strings.Replacer {
	id := strings.ReplaceAll(fmt.Sprint(s.topicID), " ", ",")
	good := batch(nothing, nothing)
	return strings.NewReplacer(
		"$TOPIC", `"`+topic+`"`, "$PRODUCER", fmt.Sprint(s.producer), "$ID", id, "$ABSENT_ID", strings.ReplaceAll(fmt.Sprint(make([]int, 15)), " ", ",")[:30]+",9]",
		"$GOOD", good, "$BAD_CRC", batch(nothing, at(20, 1)), "$BAD_MAGIC", batch(nothing, at(16, 1)), "$BAD_LENGTH", batch(nothing, at(11, 200)),
		"$BAD_COUNT", batch(at(60, 2), nothing), "$BAD_DELTA", batch(at(26, 5), nothing), "$CONTROL", batch(at(22, 0x20), nothing),
		"$TRANSACTIONAL", batch(at(22, 0x10), nothing), "$BASE_OFFSET", batch(at(7, 9), nothing),
		"$TWO", base64.StdEncoding.EncodeToString(bytes.Repeat(must(base64.StdEncoding.DecodeString(good)), 2)),
		"$BAD_CODEC", batch(at(22, 7), nothing), "$HALF", base64.StdEncoding.EncodeToString(must(base64.StdEncoding.DecodeString(good))[:40]),
	)
}

// answer asks one question and returns the tree that comes back, with what must differ taken out.
func (s *server) answer(key, version int16, text string) any {
	request := kmsg.RequestForKey(key)
	if d, ok := request.(interface{ Default() }); ok {
		d.Default()
	}
	if err := json.Unmarshal([]byte(s.words().Replace(text)), request); err != nil {
		log.Fatalf("%s: %v", text, err)
	}
	request.SetVersion(version)
	text, err := s.settled(request)
	if err != nil {
		return err.Error()
	}
	var tree any
	must(0, json.Unmarshal([]byte(text), &tree))
	return plain(tree)
}

// settled asks again as long as Kafka has yet to write markers of the last transaction.
func (s *server) settled(request kmsg.Request) (string, error) {
	for range 100 {
		response, err := s.ask(request)
		if text := string(must(json.Marshal(response))); err != nil || !strings.Contains(text, concurrentTransactions) {
			return text, err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", fmt.Errorf("the last transaction does not end")
}

const concurrentTransactions = `"ErrorCode":51,`

var (
	hidden = []string{
		"UnknownTags", "Version", "ClusterID", "Host", "Port", "TotalBytes", "UsableBytes", "Size", "ProducerID", "Dir", "LeaderEpoch",
		"LastFetchTimestamp", "LastCaughtUpTimestamp", "LogEndOffset", "ThrottleMillis", "FinalizedFeaturesEpoch",
		"StartTimestamp", "LastTimestamp",
	}
	present = []string{"ErrorMessage", "Documentation", "TopicID"}
	empty   = []string{"null", `""`, "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"}
)

// plain turns arrays of objects into maps by what identifies their elements, so that order does not count.
func plain(tree any) any {
	switch tree := tree.(type) {
	case map[string]any:
		for name, value := range tree {
			switch {
			case slices.Contains(hidden, name):
				delete(tree, name)
			case slices.Contains(present, name):
				tree[name] = !slices.Contains(empty, string(must(json.Marshal(value))))
			default:
				tree[name] = plain(value)
			}
		}
	case []any:
		named := map[string]any{}
		for i, value := range tree {
			named[identity(i, value)] = plain(value)
		}
		return named
	}
	return tree
}

func identity(i int, value any) string {
	object, _ := value.(map[string]any)
	for _, name := range []string{"ApiKey", "Name", "Topic", "Group", "GroupID", "Partition", "MemberID", "ConfigName", "User", "Mechanism", "Feature", "Key", "TransactionalID"} {
		if name, ok := object[name]; ok && name != nil {
			return fmt.Sprint(name)
		}
	}
	if sides, ok := object["Entity"].([]any); ok {
		var names []string
		for _, side := range sides {
			names = append(names, string(must(json.Marshal(side))))
		}
		sort.Strings(names)
		return strings.Join(names, " ")
	}
	return fmt.Sprint(i)
}

// compare asks both at every version and gathers the differences, with the versions that show each.
func compare(kafka, millstream *server, key int16, text string) map[string][]int16 {
	differences := map[string][]int16{}
	limits := []int16{kmsg.RequestForKey(key).MaxVersion(), kafka.versions[key][1], millstream.versions[key][1]}
	for version := max(kafka.versions[key][0], millstream.versions[key][0]); version <= slices.Min(limits); version++ {
		difference("", kafka.answer(key, version, text), millstream.answer(key, version, text), func(line string) {
			differences[line] = append(differences[line], version)
		})
	}
	return differences
}

// difference tells of each path at which two trees differ.
func difference(path string, kafka, millstream any, tell func(string)) {
	expected, isTree := kafka.(map[string]any)
	found, isTreeToo := millstream.(map[string]any)
	if isTree && isTreeToo {
		for name := range union(expected, found) {
			difference(path+"."+name, expected[name], found[name], tell)
		}
	} else if !reflect.DeepEqual(kafka, millstream) && !(millstream == true && strings.HasSuffix(path, ".ErrorMessage")) {
		tell(fmt.Sprintf("%s: Kafka %s, Millstream %s", path, must(json.Marshal(kafka)), must(json.Marshal(millstream))))
	}
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// known reads the differences that we stand by: an API, perhaps its request, and what is told of it, as a regular expression.
func known() (patterns []*regexp.Regexp) {
	for line := range strings.Lines(string(must(os.ReadFile("known.txt")))) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, regexp.MustCompile("^"+line))
		}
	}
	return patterns
}

func main() {
	standing := known()
	kafka, millstream := prepare(os.Args[1]), prepare(os.Args[2])
	total := 0
	for line := range strings.Lines(string(must(os.ReadFile("cases.txt")))) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		key, listed := keys[name]
		if !listed || (len(os.Args) > 3 && !slices.Contains(os.Args[3:], name)) {
			continue
		}
		if _, served := millstream.versions[key]; !served {
			fmt.Printf("%s is not served\n", name)
			continue
		}
		differences := compare(kafka, millstream, key, text)
		maps.DeleteFunc(differences, func(line string, _ []int16) bool {
			return slices.ContainsFunc(standing, func(pattern *regexp.Regexp) bool {
				return pattern.MatchString(name+" "+line) || pattern.MatchString(name+" "+text+" "+line)
			})
		})
		total += len(differences)
		report(name, text, differences)
	}
	fmt.Println(total, "differences that are not in known.txt")
	os.Exit(min(total, 1))
}

func report(name, text string, differences map[string][]int16) {
	var lines []string
	for line, versions := range differences {
		lines = append(lines, fmt.Sprintf("  v%d–%d %s", versions[0], versions[len(versions)-1], line))
	}
	if sort.Strings(lines); len(lines) > 0 {
		fmt.Printf("%s %s\n%s\n", name, text, strings.Join(lines, "\n"))
	}
}
