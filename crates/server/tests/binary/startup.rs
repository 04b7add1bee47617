//! Starting: what stands in the way is told in one line, with an exit code that is not zero.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Server, log_dirs, millstream, outcome, serving};

/// The binary fails, and says exactly that.
fn check(args: &[&str], environment: &[(&str, &str)], expected: &str) {
    let mut command = millstream(args);
    command.envs(environment.iter().copied());
    let (code, stderr) = outcome(command);
    assert_eq!(
        (code, stderr.as_str()),
        (Some(1), format!("millstream: {expected}\n").as_str())
    );
}

#[test]
fn wrong_settings_are_refused_by_origin_name_value_and_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "log.retention.hours = 'week'").unwrap();
    check(
        &["serve", "--config", path],
        &[],
        &format!(
            "{path}: invalid value \"week\" for log.retention.hours: \
             must be a 32-bit whole number of at least -1"
        ),
    );
    check(
        &[],
        &[("MILLSTREAM_LISTENERS", "localhost")],
        "environment variable MILLSTREAM_LISTENERS: invalid value \"localhost\" for listeners: \
         must be a list of NAME://host:port, each name once; \
         the names SSL and SASL… are kept for encrypted and authenticated listeners",
    );
    check(
        &["serve", "--set", "log.dri=/x"],
        &[],
        "--set: unknown setting log.dri",
    );
    check(
        &["serve", "--set", "advertised.listeners=OTHER://h:1"],
        &[],
        "configuration: invalid value \"OTHER://h:1\" for advertised.listeners: \
         must be an address that clients can reach, under a name from listeners \
         (PLAINTEXT://127.0.0.1:9092)",
    );
    for dirs in ["", "/a,/b"] {
        check(
            &["--set", &format!("log.dirs={dirs}")],
            &[],
            &format!(
                "--set: invalid value \"{dirs}\" for log.dirs: \
                 must be one directory, without a comma in its name"
            ),
        );
    }
    check(
        &["serve", "--set", "logging.level=loud"],
        &[],
        "--set: invalid value \"loud\" for logging.level: must be error, warn, info, debug, trace or off, \
         or a list such as info,millstream_store=debug",
    );
    check(
        &["serve", "--config", "/nowhere/millstream.toml"],
        &[],
        "cannot read /nowhere/millstream.toml: No such file or directory (os error 2)",
    );
}

#[test]
fn a_port_in_use_is_told_and_no_data_directory_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = format!("PLAINTEXT://{}", taken.local_addr().unwrap());
    check(
        &[
            "serve",
            "--set",
            &format!("listeners={listener}"),
            "--set",
            &data,
        ],
        &[],
        &format!("cannot listen on {listener}: Address already in use (os error 98)"),
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// The binary fails with one line that contains each of `parts`.
fn check_one_line(args: &[&str], parts: &[&str]) {
    let (code, stderr) = outcome(millstream(args));
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{part:?} in {stderr}");
    }
}

#[test]
fn a_data_directory_in_use_is_told_with_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let first = Server::start(&serving(&data, &[]));
    let path = dir.path().join("data");
    check_one_line(
        &serving(&data, &[]),
        &[path.to_str().unwrap(), "is in use by process"],
    );
    drop(first);
    Server::start(&serving(&data, &[]));
}

#[test]
fn a_data_directory_that_cannot_be_made_or_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    fs::write(&file, "a file").unwrap();
    check_one_line(
        &serving(&log_dirs(dir.path()), &[]),
        &[file.to_str().unwrap()],
    );
    fs::remove_file(&file).unwrap();

    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write anywhere, and then there is nothing to refuse.
    if fs::create_dir(dir.path().join("probe")).is_err() {
        let parts = [file.to_str().unwrap(), "Permission denied"];
        check_one_line(&serving(&log_dirs(dir.path()), &[]), &parts);
    }
}

#[test]
fn a_data_directory_of_a_newer_format_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    drop(Server::start(&serving(&data, &[])));
    let meta = dir.path().join("data/meta");
    let text = fs::read_to_string(&meta).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&meta, format!("format_version=4000\n{rest}")).unwrap();
    check_one_line(&serving(&data, &[]), &["data", "format version 4000"]);
}

#[test]
fn help_shows_every_setting() {
    let output = millstream(&["serve", "--help"])
        .stdout(std::process::Stdio::piped())
        .output();
    let help = String::from_utf8(output.unwrap().stdout).unwrap();
    for setting in [
        "listeners = PLAINTEXT://127.0.0.1:9092",
        "log.retention.hours = 168",
    ] {
        assert!(help.contains(setting), "{setting} in {help}");
    }
}

#[test]
fn the_announcement_says_where_and_what() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let server = Server::start(&serving(&data, &[]));
    for part in [
        "127.0.0.1:",
        "version",
        "cluster",
        dir.path().to_str().unwrap(),
    ] {
        assert!(
            server.announcement.contains(part),
            "{part} in {}",
            server.announcement
        );
    }
}

#[test]
fn logs_are_json_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let data = log_dirs(dir.path());
    let server = Server::start(&serving(&data, &["--set", "logging.format=json"]));
    let line = &server.announcement;
    assert!(
        line.starts_with('{') && line.contains("\"level\":\"INFO\""),
        "{line}"
    );
}
