//! Makes a history of what workers print and the teller was told.

use std::collections::{BTreeMap, HashMap};

use super::entry::Transfer;
use super::{Line, TRANSFERS, Tally, full_name};
use crate::clients::Acknowledged;
use crate::history::{History, Outcome, Partition, Reader, Send, Transaction};

/// The producer of the transfers; workers are numbered from 1, one life after the other.
const TELLER: usize = 0;

/// A history that grows.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    history: History,
    /// Where in the history the transaction of a worker's life is.
    transactions: HashMap<(usize, u64), usize>,
    sends: HashMap<(Partition, String), usize>,
    falls: BTreeMap<String, u64>,
}

impl Recorder {
    /// The worker in its `life` printed `line`.
    ///
    /// # Errors
    /// When it tells of a record or a transaction that it has not told of before.
    pub(super) fn line(&mut self, life: usize, line: Line) -> Result<(), String> {
        match line {
            Line::Send {
                transaction,
                topic,
                partition,
                value,
            } => {
                let transactions = &mut self.history.transactions;
                let known = self.transactions.entry((life, transaction));
                let transaction = *known.or_insert_with(|| {
                    transactions.push(Transaction::default());
                    transactions.len() - 1
                });
                self.send(
                    life,
                    Some(transaction),
                    Partition::new(topic, partition),
                    value,
                );
            }
            Line::Stored {
                topic,
                partition,
                offset,
                value,
            } => {
                let name = (Partition::new(topic, partition), value);
                let known = self.sends.get(&name);
                let number = *known.ok_or_else(|| format!("{name:?} was never sent"))?;
                self.stored(number, offset);
            }
            Line::Asks { transaction, at } => {
                self.transaction(life, transaction)?.commit_asked = Some(at);
            }
            Line::Committed(transaction) => {
                self.transaction(life, transaction)?.outcome = Outcome::Done;
            }
            Line::Aborted(transaction) => {
                self.transaction(life, transaction)?.outcome = Outcome::Failed;
            }
            Line::Fell(reason) => *self.falls.entry(reason).or_default() += 1,
        }
        Ok(())
    }

    /// The teller made `transfer` and was told that it is stored.
    pub(super) fn transfer(
        &mut self,
        bank: &str,
        transfer: Transfer,
        (partition, offset): Acknowledged,
    ) {
        let place = Partition::new(full_name(bank, TRANSFERS), partition);
        let number = self.send(TELLER, None, place, transfer.value());
        self.stored(number, offset);
    }

    /// Adds what a reader saw.
    pub(super) fn reader(&mut self, reader: Reader) {
        self.history.readers.push(reader);
    }

    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    /// Counts what there is to count in it.
    pub(super) fn count(&self, tally: &mut Tally) {
        let with = |outcome| {
            let all = self.history.transactions.iter();
            all.filter(|transaction| transaction.outcome == outcome)
                .count()
        };
        tally.committed = with(Outcome::Done);
        tally.aborted = with(Outcome::Failed);
        tally.unknown = with(Outcome::Unknown);
        tally.falls.clone_from(&self.falls);
        let readers = self.history.readers.iter();
        tally.reads = readers.map(|reader| reader.reads.len()).sum();
    }

    fn transaction(&mut self, life: usize, number: u64) -> Result<&mut Transaction, String> {
        let place = self.transactions.get(&(life, number));
        let place = place.ok_or_else(|| format!("life {life} never began transaction {number}"))?;
        Ok(&mut self.history.transactions[*place])
    }

    fn send(
        &mut self,
        producer: usize,
        transaction: Option<usize>,
        partition: Partition,
        value: String,
    ) -> usize {
        let number = self.history.sends.len();
        self.sends
            .insert((partition.clone(), value.clone()), number);
        self.history.sends.push(Send {
            producer,
            transaction,
            partition,
            value,
            outcome: Outcome::Unknown,
            offset: None,
        });
        number
    }

    fn stored(&mut self, number: usize, offset: i64) {
        let send = &mut self.history.sends[number];
        send.outcome = Outcome::Done;
        send.offset = Some(offset).filter(|offset| *offset >= 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(lines: &str) -> Result<Recorder, String> {
        let mut recorder = Recorder::default();
        let mut each = lines.lines();
        each.try_for_each(|line| recorder.line(1, line.parse()?))?;
        Ok(recorder)
    }

    #[test]
    fn what_a_worker_printed_before_it_was_killed_is_told() {
        let lines = "send 1 d 0 1.1.0 0 4 -3\nstored d 0 7 1.1.0 0 4 -3\nasks 1 99\ncommitted 1\n\
                     send 2 d 0 1.2.0 1 4 -3\nasks 2 101";
        let recorder = record(lines).unwrap();
        let [told, untold] = &recorder.history.transactions[..] else {
            panic!("{:?}", recorder.history)
        };
        assert_eq!((told.commit_asked, told.outcome), (Some(99), Outcome::Done));
        assert_eq!(
            (untold.commit_asked, untold.outcome),
            (Some(101), Outcome::Unknown)
        );
        let sends = &recorder.history.sends;
        assert_eq!(
            (sends[0].outcome, sends[0].offset),
            (Outcome::Done, Some(7))
        );
        assert_eq!(
            (sends[1].outcome, sends[1].offset),
            (Outcome::Unknown, None)
        );
        assert_eq!(sends[1].transaction, Some(1));
    }

    #[test]
    fn a_worker_that_tells_of_what_it_never_began_is_not_believed() {
        assert!(record("committed 1").is_err());
        assert!(record("stored d 0 7 1.1.0 0 4 -3").is_err());
    }
}
