//! The Kafka wire format, without I/O.
