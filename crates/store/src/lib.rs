//! The append-only partition store.
