//! The whole, measured.

fn main() {}
