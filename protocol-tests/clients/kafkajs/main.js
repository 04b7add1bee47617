// kafkajs against a broker: administration, every codec, two groups, a rebalance, commits, transactions.
//
// Run it with a bootstrap address; it prints one line per promise kept and stops at the first that is not.

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import SnappyCodec from 'kafkajs-snappy'
import lz4 from 'lz4-napi'
import { ZstdCodec } from 'zstd-codec'

const { CompressionCodecs, CompressionTypes, ConfigResourceTypes, Kafka, Partitioners, logLevel } = kafkajs
const RUN = `kafkajs-${randomUUID().slice(0, 8)}`
const DEADLINE = 30000
const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })
const admin = kafka.admin()

const zstd = await new Promise(resolve => ZstdCodec.run(zstd => resolve(new zstd.Simple())))
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: bytes => lz4.decompressFrame(bytes),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async bytes => Buffer.from(zstd.decompress(bytes)),
})

const ok = promise => console.log('ok', promise)
const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => from + i)
const sum = values => values.reduce((total, value) => total + Number(value), 0)

/** Looks until the condition holds, and fails after the deadline. */
async function wait(what, condition) {
  for (const end = Date.now() + DEADLINE; !(await condition()); await pause(10)) {
    assert(Date.now() < end, `still waiting for: ${what}`)
  }
}

/** The call must fail with exactly this error. */
async function refused(type, call) {
  const error = await call.then(() => undefined, error => error)
  assert([error, error?.cause, ...(error?.errors ?? [])].some(e => e?.type === type), `expected ${type}, got ${error}`)
}

async function create(topic, numPartitions, { replicationFactor = 1, configs = {} } = {}) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor, configEntries }] })
}

const partitionCount = async topic => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length

/** Produces the numbers, ten keys in turn, and waits until every one is acknowledged. */
async function send(topic, values, compression = CompressionTypes.None) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  const messages = values.map(n => ({ key: `key-${n % 10}`, value: `${n}`, headers: { n: `${n}` } }))
  await producer.send({ topic, acks: -1, compression, messages })
  await producer.disconnect()
}

/** A member of a group: appends what it is given to `seen`, and knows its partitions. */
async function join(groupId, topic, seen) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, heartbeatInterval: 500, maxWaitTimeInMs: 100 })
  const member = { partitions: [], count: 0, leave: () => consumer.disconnect() }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => (member.partitions = payload.memberAssignment[topic] ?? []))
  consumer.on(consumer.events.REBALANCING, () => (member.partitions = []))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      member.count++
      seen.push(message)
    },
  })
  return member
}

/** Every number once, on its key, with its headers, and in order per key. */
function checkContents(messages, expected) {
  const last = {}
  for (const { key, value, headers } of messages) {
    const n = Number(value)
    assert.equal(`${key}`, `key-${n % 10}`)
    assert.equal(`${headers.n}`, `${n}`)
    assert((last[key] ?? -1) < n, `${key} out of order`)
    last[key] = n
  }
  assert.deepEqual(messages.map(m => Number(m.value)).sort((a, b) => a - b), numbers(0, expected))
}

async function administration() {
  const topic = `${RUN}-admin`
  await create(topic, 3, { configs: { 'retention.ms': '3600000' } })
  assert.equal(await partitionCount(topic), 3)
  ok('create topic with 3 partitions')
  assert.equal(await admin.createTopics({ topics: [{ topic }] }), false, 'kafkajs tells of an existing topic with false')
  await refused('INVALID_CONFIG', create(`${topic}-bad`, 1, { configs: { 'retention.ms': 'soon' } }))
  await refused('INVALID_REPLICATION_FACTOR', create(`${topic}-3`, 1, { replicationFactor: 3 }))
  ok('refuse an existing topic, an invalid config, a replication factor of 3')

  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  const config = async name => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const { configValue, isDefault } = resources[0].configEntries.find(entry => entry.configName === name)
    return { configValue, isDefault }
  }
  assert.deepEqual(await config('retention.ms'), { configValue: '3600000', isDefault: false })
  const configEntries = [{ name: 'max.message.bytes', value: '65536' }]
  await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] })
  await wait('the altered config', async () => (await config('max.message.bytes')).configValue === '65536')
  assert.deepEqual(await config('retention.ms'), { configValue: '604800000', isDefault: true })
  ok('describe configs, replace the whole set of them')

  await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
  await wait('5 partitions', async () => (await partitionCount(topic)) === 5)
  ok('add partitions')

  const before = Date.now()
  await send(topic, numbers(0, 100))
  const ends = await admin.fetchTopicOffsets(topic)
  assert.equal(sum(ends.map(p => p.offset)), 100)
  for (const { offset } of await admin.fetchTopicOffsetsByTimestamp(topic, before)) assert.equal(offset, '0')
  await admin.deleteTopicRecords({ topic, partitions: ends.map(({ partition, offset }) => ({ partition, offset })) })
  for (const { low, high } of await admin.fetchTopicOffsets(topic)) assert.equal(low, high)
  ok('list offsets by time, delete records')

  await admin.deleteTopics({ topics: [topic] })
  await wait('the topic to be gone', async () => !(await admin.listTopics()).includes(topic))
  await refused('UNKNOWN_TOPIC_OR_PARTITION', admin.deleteTopics({ topics: [topic] }))
  ok('delete topic, refuse an unknown one')
}

async function codecsAndGroups(topic) {
  await create(topic, 4)
  for (const [i, codec] of ['None', 'GZIP', 'Snappy', 'LZ4', 'ZSTD'].entries()) {
    await send(topic, numbers(i * 1000, i * 1000 + 1000), CompressionTypes[codec])
    ok(`produce ${codec.toLowerCase()} 1000 records, idempotent`)
  }
  for (const group of ['a', 'b']) {
    const seen = []
    const member = await join(`${RUN}-${group}`, topic, seen)
    await wait('5000 records', () => seen.length >= 5000)
    await member.leave()
    checkContents(seen, 5000)
    ok(`group ${group} gets every record of every codec, in order per key, with headers`)
  }
}

async function rebalance(topic, group) {
  await create(topic, 4)
  const seen = []
  const first = await join(group, topic, seen)
  await send(topic, numbers(0, 1000))
  await wait('the first 1000', () => seen.length >= 1000)

  const second = await join(group, topic, seen)
  await wait('two partitions each', () => first.partitions.length === 2 && second.partitions.length === 2)
  assert.deepEqual([...first.partitions, ...second.partitions].sort(), [0, 1, 2, 3])
  await send(topic, numbers(1000, 2000))
  await wait('the second 1000', () => seen.length >= 2000)
  assert(second.count > 0)
  await second.leave()
  await wait('all partitions back', () => first.partitions.length === 4)
  await send(topic, numbers(2000, 3000))
  await wait('the third 1000', () => seen.length >= 3000)
  const [described] = (await admin.describeGroups([group])).groups
  assert.equal(described.state, 'Stable')
  assert.equal(described.members.length, 1)
  assert((await admin.listGroups()).groups.some(({ groupId }) => groupId === group))
  await first.leave()
  checkContents(seen, 3000)
  ok('rebalance: a second member takes two partitions over and gives them back; nothing lost or duplicated')

  const [{ partitions }] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  assert.equal(sum(partitions.map(p => p.offset)), 3000)
  await send(topic, [3000])
  const later = []
  const third = await join(group, topic, later)
  await wait('what follows the commits', () => later.length > 0)
  await third.leave()
  assert.deepEqual(later.map(m => `${m.value}`), ['3000'])
  ok('commits survive the members; describe and list the group')
  await admin.deleteGroups([group])
  await refused('GROUP_ID_NOT_FOUND', admin.deleteGroups([group]).catch(({ groups: [{ error }] }) => Promise.reject(error)))
  ok('delete the group, refuse an unknown one')
}

async function transactions(topic, groupId) {
  await create(topic, 4)
  const settings = { transactionalId: RUN, idempotent: true, maxInFlightRequests: 1 }
  const producer = kafka.producer({ ...settings, createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  for (const [first, end] of [[0, 'abort'], [100, 'commit']]) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: numbers(first, first + 100).map(n => ({ value: `${n}`, partition: n % 4 })) })
    const position = { topic, partitions: [{ partition: 0, offset: `${first + 1}` }] }
    await transaction.sendOffsets({ consumerGroupId: groupId, topics: [position] })
    await transaction[end]()
  }
  await producer.disconnect()
  const seen = []
  const reader = await join(`${groupId}-reader`, topic, seen)
  await wait('100 records', () => seen.length >= 100)
  await reader.leave()
  assert.deepEqual(seen.map(m => Number(m.value)).sort((a, b) => a - b), numbers(100, 200))
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  assert.equal(partitions.find(p => p.partition === 0).offset, '101')
  ok('transactions: what is committed is read, and the position with it; what is aborted is not')
}

await admin.connect()
await administration()
await codecsAndGroups(`${RUN}-codecs`)
await rebalance(`${RUN}-rebalance`, `${RUN}-group`)
await transactions(`${RUN}-transactions`, `${RUN}-positions`)
await admin.deleteTopics({ topics: ['codecs', 'rebalance', 'transactions'].map(name => `${RUN}-${name}`) })
await admin.disconnect()
const { version } = JSON.parse(readFileSync(new URL('node_modules/kafkajs/package.json', import.meta.url)))
console.log(`version kafkajs ${version}, node ${process.version}`)
