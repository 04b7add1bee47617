//! What clients rely on, tried frame by frame. Each test is named after its promise and says where the promise
//! comes from; AK is the source of Apache Kafka.

mod configs;
mod healing;
mod metadata;
mod topics;
mod versions;
