//! Batches go both ways between this crate and an independent implementation, with every codec.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail like the test")]

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression as OracleCodec, Record as OracleRecord, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType as OracleTimestamps,
};
use millstream_batch::{Batch, Builder, Codec, RecordHeader};
use proptest::prelude::*;

const LIMIT: usize = 1 << 24;

/// What both sides must agree on about one record.
#[derive(Debug, Clone, PartialEq)]
struct Fields {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

const CODECS: [(Codec, OracleCodec); 5] = [
    (Codec::None, OracleCodec::None),
    (Codec::Gzip, OracleCodec::Gzip),
    (Codec::Snappy, OracleCodec::Snappy),
    (Codec::Lz4, OracleCodec::Lz4),
    (Codec::Zstd, OracleCodec::Zstd),
];

fn ours(fields: &[Fields], codec: Codec) -> BytesMut {
    let mut builder = Builder::new().producer(77, 3, 100).compression(codec);
    for record in fields {
        let headers: Vec<RecordHeader<'_>> = record
            .headers
            .iter()
            .map(|(key, value)| RecordHeader {
                key: key.as_bytes(),
                value: value.as_deref(),
            })
            .collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.push(record.timestamp, key, value, &headers);
    }
    BytesMut::from(builder.build().unwrap().bytes())
}

fn theirs(fields: &[Fields], codec: OracleCodec) -> BytesMut {
    let records: Vec<OracleRecord> = (0..)
        .zip(fields)
        .map(|(at, r)| oracle_record(at, r))
        .collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions {
        version: 2,
        compression: codec,
    };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes
}

fn oracle_record(at: i32, record: &Fields) -> OracleRecord {
    let copy = |bytes: &Vec<u8>| Bytes::copy_from_slice(bytes);
    OracleRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 77,
        producer_epoch: 3,
        timestamp_type: OracleTimestamps::Creation,
        offset: i64::from(at),
        sequence: 100 + at,
        timestamp: record.timestamp,
        key: record.key.as_ref().map(copy),
        value: record.value.as_ref().map(copy),
        headers: record
            .headers
            .iter()
            .map(|(key, value)| (StrBytes::from(key.clone()), value.as_ref().map(copy)))
            .collect(),
    }
}

fn read_by_us(bytes: BytesMut, codec: Codec) -> Vec<Fields> {
    let batch = Batch::parse(bytes).unwrap();
    assert_eq!(batch.header().codec(), codec);
    assert_eq!(batch.header().producer_id, 77);
    assert_eq!(batch.header().base_sequence, 100);
    let records = batch.records(LIMIT).unwrap();
    records
        .iter()
        .map(|record| {
            let record = record.unwrap();
            Fields {
                timestamp: record.timestamp,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers
                    .iter()
                    .map(|h| {
                        let key = String::from_utf8(h.key.to_vec()).unwrap();
                        (key, h.value.map(<[u8]>::to_vec))
                    })
                    .collect(),
            }
        })
        .collect()
}

fn read_by_them(bytes: BytesMut) -> Vec<Fields> {
    let set = RecordBatchDecoder::decode(&mut bytes.freeze()).unwrap();
    set.records
        .iter()
        .map(|record| Fields {
            timestamp: record.timestamp,
            key: record.key.as_ref().map(|bytes| bytes.to_vec()),
            value: record.value.as_ref().map(|bytes| bytes.to_vec()),
            headers: record
                .headers
                .iter()
                .map(|(key, value)| (key.to_string(), value.as_ref().map(|bytes| bytes.to_vec())))
                .collect(),
        })
        .collect()
}

fn any_records() -> impl Strategy<Value = Vec<Fields>> {
    let bytes = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200));
    let record = (
        0..1i64 << 42,
        bytes(),
        bytes(),
        proptest::option::of(bytes()),
    )
        .prop_map(|(timestamp, key, value, header)| Fields {
            timestamp,
            key,
            value,
            headers: header
                .map(|value| ("name".to_owned(), value))
                .into_iter()
                .collect(),
        });
    proptest::collection::vec(record, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_we_build_they_read(records in any_records()) {
        for (codec, _) in CODECS {
            prop_assert_eq!(&read_by_them(ours(&records, codec)), &records);
        }
    }

    #[test]
    fn what_they_build_we_read(records in any_records()) {
        for (codec, oracle) in CODECS {
            prop_assert_eq!(&read_by_us(theirs(&records, oracle), codec), &records);
        }
    }
}
