//! A producer that remembers what was acknowledged.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use super::{PATIENCE, Record, config};

/// Where a record was written: partition and offset. The offset is negative when the server recognised a
/// duplicate whose place it no longer knows.
pub type Acknowledged = (i32, i64);

/// A producer that numbers what it sends from 0 and remembers the answer to each.
#[expect(
    missing_debug_implementations,
    reason = "librdkafka's handle has nothing to show"
)]
pub struct Producer {
    inner: ThreadedProducer<Answers>,
    answers: Answers,
    topic: String,
    next: usize,
}

impl Producer {
    /// A producer to `topic` that waits for `acks=all`, with `settings` above librdkafka's defaults.
    ///
    /// # Panics
    /// When librdkafka refuses the settings.
    pub fn new(bootstrap: &str, topic: &str, settings: &[(&str, &str)]) -> Self {
        let mut config = config(bootstrap);
        config.set("acks", "all");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let answers = Answers::default();
        let inner = ThreadedProducer::from_config_and_context(&config, answers.clone());
        Self {
            inner: inner.expect("a producer can be made"),
            answers,
            topic: topic.to_owned(),
            next: 0,
        }
    }

    /// Queues `record` and returns its number; waits while librdkafka's queue is full.
    ///
    /// # Panics
    /// When librdkafka refuses the record.
    pub fn send(&mut self, record: &Record) -> usize {
        let number = self.next;
        while let Err(error) = self.try_send(number, record) {
            assert_eq!(
                error.rdkafka_error_code(),
                Some(RDKafkaErrorCode::QueueFull),
                "of {record:?}"
            );
            self.answers.wait_for_any();
        }
        self.next += 1;
        number
    }

    /// Sends `records` and returns, in the same order, where each was written.
    ///
    /// # Panics
    /// When one of them was refused.
    pub fn send_all(&mut self, records: &[Record]) -> Vec<Acknowledged> {
        let numbers: Vec<usize> = records.iter().map(|record| self.send(record)).collect();
        self.flush();
        let answers = self.answers.lock();
        numbers
            .iter()
            .map(|number| {
                answers[number]
                    .clone()
                    .expect("the server accepts the record")
            })
            .collect()
    }

    /// Sends one record and returns the answer.
    ///
    /// # Errors
    /// Why it was refused, by the server or by librdkafka.
    pub fn try_one(&mut self, record: &Record) -> Result<Acknowledged, KafkaError> {
        let number = self.next;
        self.next += 1;
        self.try_send(number, record)?;
        self.flush();
        self.answers.lock()[&number].clone()
    }

    /// Returns when everything sent was answered.
    ///
    /// # Panics
    /// When that takes longer than [`PATIENCE`].
    pub fn flush(&self) {
        self.inner
            .flush(PATIENCE)
            .expect("what was sent is answered in time");
        self.answers
            .wait_until(|answers| answers.len() == self.next);
    }

    /// How many were answered.
    pub fn answered(&self) -> usize {
        self.answers.lock().len()
    }

    /// The answers so far, by number.
    pub fn answers(&self) -> BTreeMap<usize, Result<Acknowledged, KafkaError>> {
        self.answers.lock().clone()
    }

    fn try_send(&self, number: usize, record: &Record) -> Result<(), KafkaError> {
        let mut message = BaseRecord::with_opaque_to(&self.topic, number);
        message.partition = record.partition;
        message.timestamp = record.timestamp;
        message.key = record.key.as_deref();
        message.payload = record.value.as_deref();
        message.headers = (!record.headers.is_empty()).then(|| headers(record));
        self.inner.send(message).map_err(|(error, _record)| error)
    }
}

fn headers(record: &Record) -> OwnedHeaders {
    let add = |headers: OwnedHeaders, (key, value): &(String, Option<Vec<u8>>)| {
        headers.insert(Header {
            key,
            value: value.as_ref(),
        })
    };
    record.headers.iter().fold(OwnedHeaders::new(), add)
}

type Known = BTreeMap<usize, Result<Acknowledged, KafkaError>>;

/// The answers, shared with librdkafka's callback, and a bell that rings at each.
#[derive(Clone, Default)]
struct Answers(Arc<(Mutex<Known>, Condvar)>);

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, met: impl Fn(&Known) -> bool) {
        let wait = self
            .0
            .1
            .wait_timeout_while(self.lock(), PATIENCE, |known| !met(known));
        let (known, outcome) = wait.unwrap_or_else(PoisonError::into_inner);
        assert!(
            !outcome.timed_out(),
            "{} answers, and no more in {PATIENCE:?}",
            known.len()
        );
    }

    fn wait_for_any(&self) {
        let known = self.lock().len();
        self.wait_until(|answers| answers.len() > known);
    }
}

impl ClientContext for Answers {
    /// A server that is killed on purpose is no news.
    fn error(&self, _error: KafkaError, _reason: &str) {}
}

impl ProducerContext for Answers {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let answer = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _message)) => Err(error.clone()),
        };
        self.lock().insert(number, answer);
        self.0.1.notify_all();
    }
}
