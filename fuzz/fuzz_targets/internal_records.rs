//! Records of internal topics, and what consumers embed in group requests.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_wire::record::{self, Record, consumer, metadata, offsets};

/// If the bytes are a record with its version in front, it is written and read again.
macro_rules! read_and_write {
    ($bytes:expr, $($record:ty),+ $(,)?) => {$(
        if let Ok(record) = record::from_bytes::<$record>($bytes) {
            for version in <$record>::VERSIONS {
                let bytes = record::to_bytes(&record, version).expect("the version is declared");
                let again = record::from_bytes::<$record>(&bytes).expect("the record was written");
                assert_eq!(record::to_bytes(&again, version).as_ref(), Ok(&bytes));
            }
        }
    )+};
}

fuzz_target!(|data: &[u8]| {
    read_and_write! {
        data,
        consumer::ConsumerProtocolSubscription,
        consumer::ConsumerProtocolAssignment,
        offsets::OffsetCommitKey,
        offsets::OffsetCommitValue,
        offsets::GroupMetadataKey,
        offsets::GroupMetadataValue,
    }
    _ = metadata::MetadataRecord::from_bytes(data);
});
