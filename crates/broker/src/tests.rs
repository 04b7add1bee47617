//! What clients rely on, tried frame by frame. Each test is named after its promise and says where the promise
//! comes from; AK is the source of Apache Kafka.

mod committed;
mod configs;
mod consumer_groups;
mod coordinators;
mod disk;
mod features;
mod fetch;
mod group_configs;
mod groups;
mod healing;
mod list_offsets;
mod logs;
mod metadata;
mod offsets;
mod one_node;
mod passwords;
mod produce;
mod queues;
mod quotas;
mod share_groups;
mod shares;
mod topics;
mod traffic;
mod transactions;
mod versions;
