//! SIGTERM ends the server in order: what was acknowledged is there, and the next start has nothing to recover.

use millstream_protocol_tests::clients::{Admin, Producer, Record, read_all};
use millstream_protocol_tests::server::Server;

#[test]
fn sigterm_amid_producing_loses_nothing() {
    let mut server = Server::start();
    let bootstrap = server.bootstrap();
    Admin::new(&bootstrap).create("t", 2, &[]);
    let settings = [("enable.idempotence", "true"), ("linger.ms", "1")];
    let mut producer = Producer::new(&bootstrap, "t", &settings);
    for round in 0..3u64 {
        for n in 0..2_000 {
            producer.send(&Record::new(
                format!("{}", n % 10),
                format!("{}", round * 2_000 + n),
            ));
        }
        assert!(server.terminate().success(), "an orderly end");
        server.restart();
    }
    producer.flush();
    assert!(producer.answers().values().all(Result::is_ok));
    let mut read: Vec<u64> = read_all(&bootstrap, "t", 2)
        .iter()
        .flatten()
        .map(Record::number)
        .collect();
    read.sort_unstable();
    assert!(read.into_iter().eq(0..6_000), "everything, and once");
}
