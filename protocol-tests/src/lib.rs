//! Starts the real binary for tests, and stops it every way it can be stopped.
