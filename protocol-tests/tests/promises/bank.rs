//! The bank of ten minutes, for some seconds: money moves in transactions, workers and server are killed, and every
//! transfer is accounted for.

use std::time::Duration;

use millstream_protocol_tests::bank::{Plan, bank};
use millstream_protocol_tests::dice::Dice;

fn plan() -> Plan {
    Plan {
        seed: Dice::from_environment().next(),
        length: Duration::from_secs(20),
        blows: 100..1_500,
        workers: 3,
        worker: vec![env!("CARGO_BIN_EXE_bank").into(), "work".into()],
        protocol: "classic".to_owned(),
        bootstrap: None,
    }
}

#[test]
fn every_transfer_is_booked_exactly_once_whatever_is_killed() {
    let tally = bank(&plan(), |line| eprintln!("{line}")).unwrap();
    eprintln!("{tally:?}");
    assert!(tally.transfers > 0 && tally.server_kills > 0, "{tally:?}");
}
