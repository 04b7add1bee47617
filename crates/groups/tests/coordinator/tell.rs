//! Puts records, replies and refusals into the words of a script's outcomes.

use millstream_groups::{ConsumerRecord, Error, Record, Reply, Topic};

pub(crate) fn record(record: &Record) -> Option<String> {
    Some(match record {
        Record::Offset {
            topic,
            partition,
            value: Some(value),
            ..
        } => {
            format!("wrote {topic}/{partition}={}", value.offset)
        }
        Record::Offset {
            topic,
            partition,
            value: None,
            ..
        } => format!("forgot {topic}/{partition}"),
        Record::Group { value: None, .. } | Record::ShareGroup { value: None, .. } => {
            "forgot the group".to_owned()
        }
        Record::ShareGroup {
            value: Some(epoch), ..
        } => format!("wrote epoch {epoch}"),
        Record::Consumer {
            record: ConsumerRecord::Group(value),
            ..
        } => match value {
            Some(value) => format!("wrote epoch {}", value.epoch),
            None => "forgot the group".to_owned(),
        },
        // What comes of the others is told by the replies.
        Record::Consumer { .. } => return None,
        Record::Group {
            value: Some(value), ..
        } => {
            let members = value
                .members
                .iter()
                .map(|member| format!(" {}", member.member_id));
            format!(
                "wrote generation {}{}",
                value.generation,
                members.collect::<String>()
            )
        }
    })
}

pub(crate) fn reply(who: &str, reply: &Reply) -> String {
    match reply {
        Reply::Join(Err(error)) | Reply::Sync(Err(error)) => format!("{who} {}", variant(error)),
        Reply::Sync(Ok(synced)) => format!("{who} does {}", work(&synced.assignment)),
        Reply::Join(Ok(joined)) => {
            let members: Vec<&str> = joined
                .members
                .iter()
                .map(|member| &*member.member_id)
                .collect();
            let role = match joined.leader.as_deref() {
                Some(leader) if !members.is_empty() => {
                    format!("{leader} leads {}", members.join(","))
                }
                leader => format!("under {}", leader.unwrap_or("nobody")),
            };
            let keeps = if joined.skip_assignment {
                " keeping the assignment"
            } else {
                ""
            };
            let protocol = joined.protocol.as_deref().unwrap_or_default();
            format!(
                "{who} in {} by {protocol}: {role}{keeps}",
                joined.generation
            )
        }
    }
}

/// What a member is given to do: the words of a script's leader, or what a coordinator has written.
fn work(bytes: &[u8]) -> String {
    let Some((b"\0\x01", mut rest)) = bytes.split_at_checked(2) else {
        return format!("{:?}", String::from_utf8_lossy(bytes));
    };
    let mut take = |length: usize| {
        let (taken, left) = rest.split_at(length);
        rest = left;
        taken
            .iter()
            .fold(0, |number: u32, byte| number << 8 | u32::from(*byte))
    };
    let mut words = Vec::new();
    for _ in 0..take(4) {
        assert_eq!(take(2), 1, "topics of these scripts have short names");
        let topic = char::from_u32(take(1)).unwrap();
        for _ in 0..take(4) {
            words.push(format!("{topic}/{}", take(4)));
        }
    }
    format!("[{}]", words.join(" "))
}

pub(crate) fn assignment(shares: &[Topic]) -> String {
    if shares.is_empty() {
        return "nothing".to_owned();
    }
    let words = shares
        .iter()
        .map(|share| format!("{}/{}", share.name, share.partitions));
    words.collect::<Vec<_>>().join(",")
}

pub(crate) fn variant(error: &Error) -> String {
    let debug = format!("{error:?}");
    debug
        .split(['(', ' '])
        .next()
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn verdict(result: Result<(), Error>) -> String {
    result.map_or_else(|error| variant(&error), |()| "ok".to_owned())
}
