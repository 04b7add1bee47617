//! Kafka record batches (format v2) as bytes: view, check, stamp, build.
