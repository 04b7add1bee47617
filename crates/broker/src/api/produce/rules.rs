//! What a topic's configuration demands of the batches produced to it.

use millstream_batch::produce::{Rules, Timestamps};
use millstream_batch::{Codec, Compression};

use crate::config::{CompressionType, TimestampType, TopicConfig};

/// The rules that `config` comes to.
pub(super) fn of(config: &TopicConfig) -> Rules {
    Rules {
        max_bytes: size(config.max_message_bytes),
        timestamps: timestamps(config),
        keys_required: config.cleanup_policy.compact,
        compression: compression(config),
        decompressed_limit: size(config.max_decompressed_message_bytes),
    }
}

/// A setting in bytes; its table admits no negative ones.
fn size(bytes: i32) -> usize {
    bytes.unsigned_abs() as usize
}

fn timestamps(config: &TopicConfig) -> Timestamps {
    match config.message_timestamp_type {
        TimestampType::LogAppendTime => Timestamps::LogAppendTime,
        TimestampType::CreateTime => Timestamps::CreateTime {
            before_max_ms: config.message_timestamp_before_max_ms,
            after_max_ms: config.message_timestamp_after_max_ms,
        },
    }
}

fn compression(config: &TopicConfig) -> Option<Compression> {
    let codec = |codec, level| Some(Compression { codec, level });
    match config.compression_type {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => codec(Codec::None, None),
        CompressionType::Gzip => codec(Codec::Gzip, Some(config.compression_gzip_level)),
        CompressionType::Snappy => codec(Codec::Snappy, None),
        CompressionType::Lz4 => codec(Codec::Lz4, Some(config.compression_lz4_level)),
        CompressionType::Zstd => codec(Codec::Zstd, Some(config.compression_zstd_level)),
    }
}
