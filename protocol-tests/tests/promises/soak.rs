//! The soak of half an hour, for some seconds: mixed load, kills, and every record accounted for.

use std::time::Duration;

use millstream_protocol_tests::dice::Dice;
use millstream_protocol_tests::soak::{Plan, soak};

#[test]
fn mixed_load_with_kills_keeps_every_promise() {
    let plan = Plan {
        seed: Dice::from_environment().next(),
        length: Duration::from_secs(10),
        lives: 200..3_000,
        checks_each: true,
    };
    let tally = soak(&plan, |line| eprintln!("{line}")).unwrap();
    eprintln!("{tally:?}");
    assert!(tally.kills > 0 && tally.acknowledged > 0, "{tally:?}");
}
