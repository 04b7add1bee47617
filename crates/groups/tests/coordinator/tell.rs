//! Puts records, replies and refusals into the words of a script's outcomes.

use millstream_groups::{Error, Record, Reply, TopicShare};

pub(crate) fn record(record: &Record) -> String {
    match record {
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
    }
}

pub(crate) fn reply(who: &str, reply: &Reply) -> String {
    match reply {
        Reply::Join(Err(error)) | Reply::Sync(Err(error)) => format!("{who} {}", variant(error)),
        Reply::Sync(Ok(synced)) => format!(
            "{who} does {:?}",
            String::from_utf8_lossy(&synced.assignment)
        ),
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
                leader => format!("under {}", leader.unwrap_or_default()),
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

pub(crate) fn assignment(shares: &[TopicShare]) -> String {
    if shares.is_empty() {
        return "nothing".to_owned();
    }
    let words = shares
        .iter()
        .map(|share| format!("{}/{}", share.topic, share.partitions));
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
