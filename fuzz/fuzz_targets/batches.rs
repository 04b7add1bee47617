//! Record batches: runs of them as they are, and a single one whose length, format and checksum were
//! repaired, so that its records are reached.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use millstream_batch::produce::{Rules, Timestamps, admit};
use millstream_batch::{Batch, Batches, Codec, HEADER_LEN, records};

/// Largest size of a batch's records once decompressed.
const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    for batch in Batches::new(data) {
        let Ok(batch) = batch else { break };
        read(batch.bytes);
    }
    if let Some(batch) = repaired(data) {
        read(batch.bytes());
        for rules in rules() {
            if let Ok(batch) = Batch::parse(batch.bytes().into()).and_then(|b| admit(b, &rules, 0))
            {
                let stored = batch.stamp(7, 3);
                assert!(Batch::parse(stored.as_ref().into()).is_ok());
            }
        }
    }
});

fn read(batch: &[u8]) {
    if let Ok(records) = records(batch, LIMIT) {
        assert!(records.payload().len() <= LIMIT.max(batch.len()));
        for record in &records {
            if record.is_err() {
                break;
            }
        }
    }
}

/// The bytes with the length, the format and the checksum that they should have.
fn repaired(data: &[u8]) -> Option<Batch> {
    if data.len() < HEADER_LEN {
        return None;
    }
    let mut bytes = BytesMut::from(data);
    let length = (bytes.len() as u32 - 12).to_be_bytes();
    bytes[8..12].copy_from_slice(&length);
    bytes[16] = 2;
    let checksum = crc32c::crc32c(&bytes[21..]).to_be_bytes();
    bytes[17..21].copy_from_slice(&checksum);
    Batch::parse(bytes).ok()
}

/// Rules under which records are looked at, compressed anew, or stamped.
fn rules() -> [Rules; 3] {
    let client = Timestamps::CreateTime {
        before_max_ms: 1 << 40,
        after_max_ms: 1 << 40,
    };
    let rules = Rules {
        max_bytes: LIMIT,
        timestamps: client,
        keys_required: true,
        compression: None,
        decompressed_limit: LIMIT,
    };
    let recompressed = Rules {
        keys_required: false,
        compression: Some(Codec::Lz4.into()),
        ..rules
    };
    [
        rules,
        recompressed,
        Rules {
            timestamps: Timestamps::LogAppendTime,
            ..recompressed
        },
    ]
}
