//! A worker with librdkafka: consumes, writes what follows, and commits its position, all in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{
    BaseConsumer, Consumer as _, ConsumerContext, ConsumerGroupMetadata, Rebalance,
};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::entry::{Entry, consequences, place};
use super::{CREDITS, DEBITS, Line, TRANSFERS, full_name, topic};
use crate::clients::{PATIENCE, config};
use crate::clock;
use crate::dice::Dice;

/// What a worker is told on its command line, in this order.
#[derive(Debug, Clone)]
pub struct Job {
    /// Where the broker is.
    pub bootstrap: String,
    /// What the bank is called: the group, and the beginning of the names of its topics.
    pub bank: String,
    /// The name that one life inherits from the one before: the transactional id.
    pub name: String,
    /// Which life of all workers' this is; what it writes is tagged with it.
    pub life: usize,
    /// What its choices follow from.
    pub seed: u64,
    /// `classic` or `consumer`.
    pub protocol: String,
    /// Whether it is a static member of the group, under its name: `static` or `dynamic`.
    pub membership: String,
}

/// Works until the standard input ends.
///
/// # Errors
/// What makes going on impossible: that somebody else has the transactional id, for one.
pub fn work(job: &Job) -> Result<(), KafkaError> {
    let worker = Worker::new(job)?;
    worker.insist(|| worker.producer.init_transactions(PATIENCE))?;
    let over = over_with_stdin();
    let mut dice = Dice::new(job.seed);
    let mut transaction = 0;
    while !over.load(Ordering::Relaxed) {
        let batch = worker.consume(dice.between(1, 50) as usize)?;
        let Some(batch) = batch else { continue };
        transaction += 1;
        match worker.transact(transaction, &batch, &mut dice) {
            Ok(true) => say(&Line::Committed(transaction)),
            Ok(false) => worker.give_up(transaction, &batch)?,
            Err(error) if must_abort(&error) => worker.give_up(transaction, &batch)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

struct Worker {
    bank: String,
    life: usize,
    consumer: BaseConsumer<Losses>,
    producer: ThreadedProducer<Deliveries>,
}

/// Records that were consumed together, and who their consumer was in the group at that time.
struct Batch {
    records: Vec<Consumed>,
    member: ConsumerGroupMetadata,
}

struct Consumed {
    topic: String,
    partition: i32,
    offset: i64,
    value: String,
}

impl Consumed {
    fn place(&self) -> Place {
        (self.topic.clone(), self.partition)
    }
}

impl From<&BorrowedMessage<'_>> for Consumed {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        Self {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            value: text(message.payload()),
        }
    }
}

impl Worker {
    fn new(job: &Job) -> KafkaResult<Self> {
        let mut producer = config(&job.bootstrap);
        producer.set("transactional.id", &job.name);
        producer.set("transaction.timeout.ms", "20000");
        producer.set("linger.ms", "2");
        let mut consumer = config(&job.bootstrap);
        consumer.set("group.id", &job.bank);
        consumer.set("isolation.level", "read_committed");
        consumer.set("auto.offset.reset", "earliest");
        consumer.set("enable.auto.commit", "false");
        consumer.set("fetch.wait.max.ms", "100");
        consumer.set("group.protocol", &job.protocol);
        if job.protocol == "classic" {
            consumer.set("session.timeout.ms", "6000");
            consumer.set("heartbeat.interval.ms", "500");
        }
        if job.membership == "static" {
            consumer.set("group.instance.id", &job.name);
        }
        let consumer = BaseConsumer::from_config_and_context(&consumer, Losses::default())?;
        let topics = [TRANSFERS, DEBITS, CREDITS].map(|topic| full_name(&job.bank, topic));
        consumer.subscribe(&topics.each_ref().map(String::as_str))?;
        let producer = ThreadedProducer::from_config_and_context(&producer, Deliveries)?;
        Ok(Self {
            bank: job.bank.clone(),
            life: job.life,
            consumer,
            producer,
        })
    }

    /// Up to `count` records of partitions that are still this member's when the last of them has come.
    fn consume(&self, count: usize) -> KafkaResult<Option<Batch>> {
        let mut records: Vec<Consumed> = Vec::new();
        let mut member = None;
        loop {
            let patience = Duration::from_millis(if records.is_empty() { 50 } else { 2 });
            let message = self.consumer.poll(patience);
            // What was lost begins again at its commit, here or elsewhere; what has come since is not part of the loss.
            let lost = self.consumer.context().take();
            if !lost.is_empty() {
                records.retain(|record| !lost.contains(&record.place()));
                member = None;
            }
            match message {
                Some(Ok(message)) => records.push(Consumed::from(&message)),
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => {
                    return Err(KafkaError::MessageConsumptionFatal(code));
                }
                Some(Err(_passing)) => {}
                None => break,
            }
            // Asked for only once there is a record: before, there may be no member whom the group could fence.
            member = member.or_else(|| self.consumer.group_metadata());
            if records.len() >= count {
                break;
            }
        }
        let member = member.or_else(|| self.consumer.group_metadata());
        let batch = member.map(|member| Batch { records, member });
        Ok(batch.filter(|batch| !batch.records.is_empty()))
    }

    /// False if it chose not to commit.
    fn transact(&self, transaction: u64, batch: &Batch, dice: &mut Dice) -> KafkaResult<bool> {
        self.producer.begin_transaction()?;
        let mut written = 0;
        for record in &batch.records {
            let entries = consequences(topic(&record.topic), &record.value).unwrap_or_default();
            for (topic, entry) in entries {
                let tag = format!("{}.{transaction}.{written}", self.life);
                written += 1;
                self.write(transaction, &full_name(&self.bank, topic), entry, &tag)?;
            }
        }
        let positions = positions(&batch.records, |known, offset| known.max(offset + 1))?;
        self.insist(|| {
            let producer = &self.producer;
            producer.send_offsets_to_transaction(&positions, &batch.member, PATIENCE)
        })?;
        if dice.between(0, 4) == 0 {
            thread::park_timeout(Duration::from_millis(dice.between(0, 100)));
        }
        if dice.between(0, 10) == 0 {
            return Ok(false);
        }
        let at = clock::now();
        say(&Line::Asks { transaction, at });
        self.insist(|| self.producer.commit_transaction(PATIENCE))?;
        Ok(true)
    }

    fn write(&self, transaction: u64, topic: &str, entry: Entry, tag: &str) -> KafkaResult<()> {
        let (partition, value) = (place(entry.account), entry.value(tag));
        say(&Line::Send {
            transaction,
            topic: topic.to_owned(),
            partition,
            value: value.clone(),
        });
        let record = BaseRecord::<(), _>::to(topic)
            .partition(partition)
            .payload(&value);
        self.producer.send(record).map_err(|(error, _record)| error)
    }

    /// Aborts, and goes back to where the batch began in what is still this member's.
    fn give_up(&self, transaction: u64, batch: &Batch) -> KafkaResult<()> {
        self.insist(|| self.producer.abort_transaction(PATIENCE))?;
        say(&Line::Aborted(transaction));
        let first = positions(&batch.records, i64::min)?;
        let result = self.consumer.seek_partitions(first, PATIENCE)?;
        let elements = result.elements();
        elements.iter().try_for_each(TopicPartitionListElem::error)
    }

    /// Tries again for as long as librdkafka says that it may.
    fn insist(&self, ask: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
        loop {
            match ask() {
                Err(KafkaError::Transaction(error)) if error.is_retriable() => {
                    thread::park_timeout(Duration::from_millis(20));
                }
                result => return result,
            }
        }
    }
}

/// For each partition one offset, made of those of its records.
fn positions(
    records: &[Consumed],
    choose: impl Fn(i64, i64) -> i64,
) -> KafkaResult<TopicPartitionList> {
    let mut chosen = BTreeMap::new();
    for record in records {
        let known = chosen.entry((&record.topic, record.partition));
        let known = known.or_insert(record.offset);
        *known = choose(*known, record.offset);
    }
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in chosen {
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    Ok(list)
}

/// Whether an error leaves the way out of aborting.
fn must_abort(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.txn_requires_abort(),
        // What refuses a record has put the transaction into a state in which aborting tells whether all is lost.
        KafkaError::MessageProduction(_) => true,
        _ => false,
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// One write for each line, so that no kill tears one.
fn say(line: &Line) {
    let line = format!("{line}\n");
    let written = io::stdout().lock().write_all(line.as_bytes());
    written.expect("whoever started the worker reads what it prints");
}

/// True once whoever started this process has closed its input, or has ended.
fn over_with_stdin() -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    thread::spawn(move || {
        io::stdin().read_to_end(&mut Vec::new()).ok();
        told.store(true, Ordering::Relaxed);
    });
    over
}

/// A topic and a partition.
type Place = (String, i32);

/// The partitions that the group took from this member since it was last asked.
#[derive(Default)]
struct Losses(Mutex<BTreeSet<Place>>);

impl Losses {
    fn take(&self) -> BTreeSet<Place> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Losses {
    /// A server that is killed on purpose is no news.
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ConsumerContext for Losses {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let elements = list.elements();
            let owned = elements
                .iter()
                .map(|element| (element.topic().to_owned(), element.partition()));
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(owned);
        }
    }
}

/// Prints where each record was stored.
struct Deliveries;

impl ClientContext for Deliveries {
    /// A server that is killed on purpose is no news.
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        if let Ok(message) = result {
            say(&Line::Stored {
                topic: message.topic().to_owned(),
                partition: message.partition(),
                offset: message.offset(),
                value: text(message.payload()),
            });
        }
    }
}
