//! TxnOffsetCommit: positions of a group that count once a transaction commits.
//!
//! They are appended to the log of groups under the lock of the transaction, so that none comes behind its marker.

use millstream_groups::{Committer, Effects, Error as GroupError, Shard};

use super::machine::{Step, Transactions as Machine};
use super::{Transactions, Writer};
use crate::Error;
use crate::coordinator::Proof;
use crate::queues::Position;

/// Who commits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Commit<'a> {
    /// The transaction.
    pub(crate) writer: Writer<'a>,
    /// The group.
    pub(crate) group: &'a str,
    /// The member of it.
    pub(crate) member: Committer<'a>,
}

impl Transactions {
    /// Commits positions once the transaction does; each result answers the position at the same place.
    ///
    /// # Errors
    /// [`Error::Transaction`], [`Error::Group`], those of the log of groups. Then nothing has changed.
    pub(crate) async fn commit_offsets(
        &self,
        commit: Commit<'_>,
        positions: &mut [Position],
    ) -> Result<Vec<Result<(), GroupError>>, Error> {
        let Commit { writer, group, .. } = commit;
        let at = self.groups.place_of(group).await?;
        self.groups.ready(group).await?;
        self.coordinator.ready(writer.id).await?;
        let write = |machine: &mut Machine, step: &mut Step<'_>| {
            machine.write(step, writer.producer, (at, writer.adds), || {
                self.commit_now(commit, positions)
            })
        };
        let (written, proof) = self.run_now(writer.id, write)?;
        let (outcomes, of_group) = written?;
        self.groups.confirm(group, of_group).await?;
        self.confirm(writer.id, proof).await?;
        Ok(outcomes)
    }

    fn commit_now(
        &self,
        commit: Commit<'_>,
        positions: &mut [Position],
    ) -> Result<(Vec<Result<(), GroupError>>, Proof), Error> {
        let Commit {
            writer,
            group,
            member,
        } = commit;
        let producer = (writer.producer.id, writer.producer.epoch);
        let commit = |groups: &mut Shard, now, effects: &mut Effects| {
            let offsets = Position::held(positions, groups, group);
            groups.commit_in_transaction(group, &member, producer, offsets, now, effects)
        };
        let (outcomes, proof) = self.groups.run_now(group, commit)?;
        Ok((outcomes?, proof))
    }
}
