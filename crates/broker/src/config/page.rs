//! The tables as text: for `serve --help` and for `docs/configuration.md`.

use super::def::{ConfigDef, Table};
use super::{BrokerConfig, ClientMetricsConfig, GroupConfig, TopicConfig};

/// Columns of help text, beside the indentation.
const HELP_WIDTH: usize = 92;

/// A table for a terminal: name and default, then what the setting does and what it allows.
#[must_use]
pub fn help(table: Table) -> String {
    table.iter().map(help_entry).collect()
}

fn help_entry(def: &'static ConfigDef) -> String {
    let text = format!("{} Must be {}.", doc(def), def.allowed());
    let indented: String = wrap(&text, HELP_WIDTH)
        .iter()
        .map(|l| format!("      {l}\n"))
        .collect();
    format!("  {} = {}\n{indented}", def.name, shown_default(def))
}

/// The page `docs/configuration.md`, whole.
#[must_use]
pub fn markdown() -> String {
    format!(
        "{INTRODUCTION}\n## Broker\n\n{}\n## Topic\n\n{TOPIC_INTRODUCTION}\n{}\n## Group\n\n{GROUP_INTRODUCTION}\n{}\n\
         ## Subscription to the metrics of clients\n\n{METRICS_INTRODUCTION}\n{}",
        rows(BrokerConfig::TABLE, broker_note),
        rows(TopicConfig::TABLE, topic_note),
        rows(GroupConfig::TABLE, group_note),
        rows(ClientMetricsConfig::TABLE, group_note)
    )
}

const INTRODUCTION: &str = "\
# Configuration

Every setting has one name, Kafka's where Kafka has it, and four places to set it. The first that
does wins:

1. the command line: `millstream serve --set log.retention.ms=86400000`
2. the environment: `MILLSTREAM_LOG_RETENTION_MS=86400000`, that is the name in capitals with `_` for `.`
3. a TOML file, `millstream serve --config millstream.toml`: `log.retention.ms = 86400000`
4. the default

A name may be written in quotes in the file, which TOML asks for where one name begins with another:
`\"max.connections\" = 1000` beside `\"max.connections.per.ip\" = 50`. An unknown name or a wrong value stops
the server at start, with a line that says where it was set and what is allowed.

Settings marked *dynamic* can also be altered while the server runs, with `kafka-configs.sh` or any
admin client; such a value is kept across restarts and wins over all four.

This page is generated from the tables in `crates/broker/src/config/`: `just config-page` writes it.
";

const TOPIC_INTRODUCTION: &str = "\
Set when a topic is created or altered, with any admin client. What a topic does not set comes from the
broker setting named in the last column; a queue, that is a topic with `queue.enable=true`, has defaults of its own
for what would remove messages that nobody has acknowledged.
";

const GROUP_INTRODUCTION: &str = "\
Set for a group, which need not exist yet, with `kafka-configs.sh --entity-type groups` or any admin client. What a
group does not set comes from the broker setting named first in the last column, and its own value has to be within
the bounds named there.
";

const METRICS_INTRODUCTION: &str = "\
Set for a subscription, which begins with its first setting, with `kafka-configs.sh --entity-type client-metrics` or any admin
client.
";

fn rows(table: Table, note: fn(&ConfigDef) -> String) -> String {
    let head = "| Name | Default | What it does | Must be | |\n|--|--|--|--|--|\n";
    let rows = table.iter().map(|def| {
        let (name, default) = (def.name, shown_default(def));
        format!(
            "| `{name}` | {default} | {} | {} | {} |\n",
            doc(def),
            def.allowed(),
            note(def)
        )
    });
    head.to_owned() + &rows.collect::<String>()
}

fn broker_note(def: &ConfigDef) -> String {
    if def.dynamic {
        "dynamic".to_owned()
    } else {
        String::new()
    }
}

fn topic_note(def: &ConfigDef) -> String {
    if def.read_only {
        return "set by the broker".to_owned();
    }
    let names: Vec<String> = def
        .from
        .iter()
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let of_queue = def
        .of_queue
        .map(|default| format!("; {default} on a queue"));
    names.join(", ") + &of_queue.unwrap_or_default()
}

fn group_note(def: &ConfigDef) -> String {
    let from = def.from.iter().map(|(name, _)| format!("`{name}`"));
    let within = def
        .within
        .map(|(least, most)| format!("from `{least}` to `{most}`"));
    from.chain(within).collect::<Vec<_>>().join("; ")
}

/// Doc comments keep the space after their slashes and their line breaks.
fn doc(def: &ConfigDef) -> String {
    def.doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown_default(def: &ConfigDef) -> &'static str {
    match def.default {
        "" if def.nullable => "(not set)",
        "" => "(empty)",
        "9223372036854775807" => "2^63 - 1",
        "2147483647" => "2^31 - 1",
        other => other,
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines
            .last_mut()
            .filter(|l| l.is_empty() || l.len() + word.len() < width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `just config-page` sets the variable, which writes the page instead of comparing it.
    #[test]
    fn the_configuration_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        if std::env::var_os("WRITE_CONFIG_PAGE").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap();
        assert!(
            page == markdown(),
            "docs/configuration.md is stale: run `just config-page`"
        );
    }

    #[test]
    fn help_names_every_setting_with_its_default() {
        let help = help(BrokerConfig::TABLE);
        for def in BrokerConfig::TABLE.iter() {
            assert!(help.contains(&format!("  {} = {}\n", def.name, shown_default(def))));
        }
        assert!(help.lines().all(|line| line.len() <= HELP_WIDTH + 6));
    }
}
