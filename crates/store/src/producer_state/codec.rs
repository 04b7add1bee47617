//! Producer states as bytes.
//!
//! The body of a `<next offset>.snapshot` file, after the common header, is for each producer:
//!
//! ```text
//! 0             8       10          18      19
//! +-------------+-------+-----------+-------+--- ---
//! | producer id | epoch | last seen | count | ... count batches
//! +-------------+-------+-----------+-------+--- ---
//!
//! 0                4               8             16              24
//! +----------------+---------------+-------------+---------------+
//! | first sequence | last sequence | base offset | log append ms |
//! +----------------+---------------+-------------+---------------+
//! ```

use std::collections::HashMap;

use super::{Accepted, Producer, Producers};
use crate::format::take;

impl Producers {
    /// The body of a snapshot file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.0.len() * 64);
        for (id, producer) in &self.0 {
            body.extend_from_slice(&id.to_be_bytes());
            body.extend_from_slice(&producer.epoch.to_be_bytes());
            body.extend_from_slice(&producer.last_seen_ms.to_be_bytes());
            body.push(producer.recent().len() as u8);
            for batch in producer.recent().rev() {
                body.extend_from_slice(&batch.first.to_be_bytes());
                body.extend_from_slice(&batch.last.to_be_bytes());
                body.extend_from_slice(&batch.base_offset.to_be_bytes());
                body.extend_from_slice(&batch.log_append_time.to_be_bytes());
            }
        }
        body
    }

    /// Reads the body of a snapshot file; `None` if it is cut short.
    pub(crate) fn decode(mut body: &[u8]) -> Option<Self> {
        let mut producers = HashMap::new();
        while !body.is_empty() {
            let id = i64::from_be_bytes(take(&mut body)?);
            let epoch = i16::from_be_bytes(take(&mut body)?);
            let last_seen_ms = i64::from_be_bytes(take(&mut body)?);
            let [count] = take(&mut body)?;
            let window = (0..count)
                .map(|_| decode_batch(&mut body))
                .collect::<Option<_>>()?;
            producers.insert(
                id,
                Producer {
                    epoch,
                    last_seen_ms,
                    window,
                    forgotten: None,
                },
            );
        }
        Some(Producers(producers))
    }
}

fn decode_batch(body: &mut &[u8]) -> Option<Accepted> {
    Some(Accepted {
        first: i32::from_be_bytes(take(body)?),
        last: i32::from_be_bytes(take(body)?),
        base_offset: i64::from_be_bytes(take(body)?),
        log_append_time: i64::from_be_bytes(take(body)?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Verdict, after, batch, verdict};
    use super::*;

    #[test]
    fn a_snapshot_comes_back_and_no_truncation_does() {
        let producers = after(0..7);
        let body = producers.encode();
        let decoded = Producers::decode(&body).unwrap();
        assert_eq!(decoded.encode(), body);
        assert_eq!(verdict(&decoded, batch(3, 20, 29)), Verdict::Duplicate(120));
        assert_eq!(decoded.describe(), producers.describe());
        for len in 1..body.len() {
            assert_eq!(Producers::decode(&body[..len]), None, "{len} bytes");
        }
    }
}
