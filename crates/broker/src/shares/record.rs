//! Deliveries as bytes: Kafka's own records of `__share_group_state`, in the versions that Kafka 4.3 writes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use millstream_queue::{Change, Deliveries, Fate, Span};
use millstream_wire::record::shares::{
    ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey, ShareUpdateValue, StateBatch,
};
use millstream_wire::record::{from_bytes, peek_version, to_bytes};
use uuid::Uuid;

use super::key::Key;
use super::machine::Epochs;
use crate::Error;
use crate::coordinator::Record;

const SNAPSHOT: i16 = 0;
const UPDATE: i16 = 1;

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// The whole state.
    Snapshot {
        key: Key,
        epochs: Epochs,
        start: i64,
        dead: i64,
        changes: Vec<Change>,
    },
    /// What has changed since.
    Update {
        key: Key,
        start: i64,
        dead: i64,
        changes: Vec<Change>,
    },
    /// There is no state any more.
    Gone(Key),
}

/// The record of a whole state.
pub(super) fn snapshot(
    key: &Key,
    epochs: Epochs,
    state: &Deliveries,
    dead: i64,
    now_ms: i64,
) -> Result<Record, Error> {
    let value = ShareSnapshotValue {
        snapshot_epoch: epochs.snapshot,
        state_epoch: epochs.state,
        leader_epoch: epochs.leader,
        start_offset: state.start(),
        create_timestamp: now_ms,
        write_timestamp: now_ms,
        state_batches: batches(&state.snapshot()),
        delivery_complete_count: completed(state),
        dead,
    };
    Ok((snapshot_key(key)?, Some(to_bytes(&value, 0)?)))
}

/// The record of what has changed.
pub(super) fn update(
    key: &Key,
    epochs: Epochs,
    state: &Deliveries,
    dead: i64,
    changes: &[Change],
) -> Result<Record, Error> {
    let name = ShareUpdateKey {
        group_id: Cow::Borrowed(&key.group),
        topic_id: key.topic,
        partition: key.partition,
    };
    let value = ShareUpdateValue {
        snapshot_epoch: epochs.snapshot,
        leader_epoch: epochs.leader,
        start_offset: state.start(),
        state_batches: batches(changes),
        delivery_complete_count: completed(state),
        dead,
    };
    Ok((to_bytes(&name, UPDATE)?, Some(to_bytes(&value, 0)?)))
}

/// The record that ends a state.
pub(super) fn gone(key: &Key) -> Result<Record, Error> {
    Ok((snapshot_key(key)?, None))
}

/// What the record behind key and value says; `None` for kinds that are not known.
pub(super) fn decode(key: &[u8], value: Option<&[u8]>) -> Result<Option<Entry>, Error> {
    let entry = match peek_version(key)? {
        SNAPSHOT => decode_snapshot(key, value)?,
        UPDATE => decode_update(key, value)?,
        _ => return Ok(None),
    };
    Ok(Some(entry))
}

fn decode_snapshot(key: &[u8], value: Option<&[u8]>) -> Result<Entry, Error> {
    let key: ShareSnapshotKey<'_> = from_bytes(key)?;
    let key = key_of(key.group_id, key.topic_id, key.partition);
    let Some(value) = value else {
        return Ok(Entry::Gone(key));
    };
    let value: ShareSnapshotValue = from_bytes(value)?;
    Ok(Entry::Snapshot {
        key,
        epochs: Epochs {
            snapshot: value.snapshot_epoch,
            state: value.state_epoch,
            leader: value.leader_epoch,
        },
        start: value.start_offset,
        dead: value.dead,
        changes: changes(&value.state_batches),
    })
}

fn decode_update(key: &[u8], value: Option<&[u8]>) -> Result<Entry, Error> {
    let key: ShareUpdateKey<'_> = from_bytes(key)?;
    let key = key_of(key.group_id, key.topic_id, key.partition);
    let Some(value) = value else {
        return Ok(Entry::Gone(key));
    };
    let value: ShareUpdateValue = from_bytes(value)?;
    Ok(Entry::Update {
        key,
        start: value.start_offset,
        dead: value.dead,
        changes: changes(&value.state_batches),
    })
}

fn key_of(group: Cow<'_, str>, topic: Uuid, partition: i32) -> Key {
    Key {
        group: Arc::from(group),
        topic,
        partition,
    }
}

fn snapshot_key(key: &Key) -> Result<Bytes, Error> {
    let key = ShareSnapshotKey {
        group_id: Cow::Borrowed(&key.group),
        topic_id: key.topic,
        partition: key.partition,
    };
    Ok(to_bytes(&key, SNAPSHOT)?)
}

fn completed(state: &Deliveries) -> i32 {
    i32::try_from(state.counts().finished).unwrap_or(i32::MAX)
}

fn batches(changes: &[Change]) -> Vec<StateBatch> {
    let batch = |change: &Change| StateBatch {
        first_offset: change.span.first,
        last_offset: change.span.last,
        delivery_state: match change.fate {
            Fate::Available => 0,
            Fate::Acknowledged => 2,
            Fate::Archived => 4,
        },
        delivery_count: i16::try_from(change.deliveries).unwrap_or(i16::MAX),
    };
    changes.iter().map(batch).collect()
}

/// The changes that batches tell of. One that cannot be is passed over: its messages stay available.
fn changes(batches: &[StateBatch]) -> Vec<Change> {
    let change = |batch: &StateBatch| {
        Some(Change {
            span: Span::new(batch.first_offset, batch.last_offset)?,
            fate: match batch.delivery_state {
                0 => Fate::Available,
                2 => Fate::Acknowledged,
                4 => Fate::Archived,
                _ => return None,
            },
            deliveries: u16::try_from(batch.delivery_count).unwrap_or_default(),
        })
    };
    batches.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let key = Key {
            group: Arc::from("g"),
            topic: Uuid::from_u128(9),
            partition: 3,
        };
        let epochs = Epochs {
            snapshot: 2,
            state: 1,
            leader: 4,
        };
        let change = Change {
            span: Span { first: 7, last: 9 },
            fate: Fate::Available,
            deliveries: 5,
        };
        let mut state = Deliveries::new(5);
        state.apply(5, &[change]);
        let (name, value) = snapshot(&key, epochs, &state, 3, 0).unwrap();
        let expected = Entry::Snapshot {
            key: key.clone(),
            epochs,
            start: 5,
            dead: 3,
            changes: vec![change],
        };
        assert_eq!(decode(&name, value.as_deref()).unwrap(), Some(expected));

        let (name, value) = update(&key, epochs, &state, 3, &[change]).unwrap();
        let expected = Entry::Update {
            key: key.clone(),
            start: 5,
            dead: 3,
            changes: vec![change],
        };
        assert_eq!(decode(&name, value.as_deref()).unwrap(), Some(expected));

        let (name, value) = gone(&key).unwrap();
        assert_eq!(
            decode(&name, value.as_deref()).unwrap(),
            Some(Entry::Gone(key))
        );
    }
}
