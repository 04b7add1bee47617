//! Gathers settings from the file, the environment and the command line, in that order of
//! increasing weight.
//!
//! What a setting means and allows stands in its table; here is only where values come from.

use std::ffi::OsString;
use std::path::Path;

use millstream_broker::config::{BrokerConfig, ConfigDef, InvalidConfig, Settings};

use crate::error::Error;

const PREFIX: &str = "MILLSTREAM_";

/// All settings that were given, the weightier over the lighter.
///
/// # Errors
/// On the first unknown name or refused value, with where it was given.
pub(crate) fn gather(
    file: Option<&Path>,
    environment: impl Iterator<Item = (OsString, OsString)>,
    assignments: &[String],
) -> Result<Settings, Error> {
    let mut settings = Settings::default();
    if let Some(path) = file {
        add_file(&mut settings, path)?;
    }
    for (variable, value) in environment {
        add_variable(&mut settings, &variable.to_string_lossy(), value)?;
    }
    for assignment in assignments {
        let (name, value) = assignment
            .split_once('=')
            .filter(|(name, _)| !name.trim().is_empty())
            .ok_or_else(|| Error::NotAnAssignment(assignment.clone()))?;
        add(&mut settings, "--set", name.trim(), value)?;
    }
    Ok(settings)
}

fn add(settings: &mut Settings, origin: &str, name: &str, value: &str) -> Result<(), Error> {
    settings
        .set(BrokerConfig::TABLE, name, value)
        .map_err(|reason| Error::Setting {
            origin: origin.to_owned(),
            reason,
        })
}

fn add_file(settings: &mut Settings, path: &Path) -> Result<(), Error> {
    let text = std::fs::read_to_string(path).map_err(|reason| Error::ConfigFile {
        path: path.to_owned(),
        reason,
    })?;
    let syntax = |reason: String| Error::ConfigSyntax {
        path: path.to_owned(),
        reason,
    };
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        syntax(format!(
            "line {line}: {}",
            error.message().replace('\n', " ")
        ))
    })?;
    let mut flat = Vec::new();
    flatten("", &table, &mut flat).map_err(syntax)?;
    let origin = path.display().to_string();
    flat.iter()
        .try_for_each(|(name, value)| add(settings, &origin, name, value))
}

/// Joins the keys of nested tables with dots, as names are written.
fn flatten(
    prefix: &str,
    table: &toml::Table,
    flat: &mut Vec<(String, String)>,
) -> Result<(), String> {
    for (key, value) in table {
        let name = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, flat)?,
            toml::Value::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|i| scalar(&name, i)).collect();
                flat.push((name, items?.join(",")));
            }
            other => flat.push((name.clone(), scalar(&name, other)?)),
        }
    }
    Ok(())
}

fn scalar(name: &str, value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(flag.to_string()),
        other => Err(format!("{name} cannot be a TOML {}", other.type_str())),
    }
}

fn add_variable(settings: &mut Settings, variable: &str, value: OsString) -> Result<(), Error> {
    let Some(suffix) = variable
        .strip_prefix(PREFIX)
        .filter(|s| !is_from_kubernetes(s))
    else {
        return Ok(());
    };
    let value = value
        .into_string()
        .map_err(|_| Error::NotText(variable.to_owned()))?;
    let known = BrokerConfig::TABLE
        .iter()
        .find(|def| variable_suffix(def) == suffix);
    let origin = format!("environment variable {variable}");
    match known {
        Some(def) => add(settings, &origin, def.name, &value),
        None => {
            let name = suffix.to_lowercase().replace('_', ".");
            Err(Error::Setting {
                origin,
                reason: InvalidConfig::Unknown { name },
            })
        }
    }
}

fn variable_suffix(def: &ConfigDef) -> String {
    def.name.to_uppercase().replace('.', "_")
}

/// Kubernetes tells every pod the address of a service called `millstream` in variables of its
/// own; they are not meant for the server.
fn is_from_kubernetes(suffix: &str) -> bool {
    suffix == "PORT" || suffix.starts_with("PORT_") || suffix.starts_with("SERVICE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(file: &str, environment: &[(&str, &str)], sets: &[&str]) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("millstream.toml");
        std::fs::write(&path, file).unwrap();
        let environment = environment.iter().map(|(n, v)| (n.into(), v.into()));
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        gather(Some(&path), environment, &sets).map_err(|error| {
            error
                .to_string()
                .replace(&path.display().to_string(), "millstream.toml")
        })
    }

    #[test]
    fn the_command_line_outweighs_the_environment_outweighs_the_file() {
        let file = "num.partitions = 1\nnode.id = 1\n[broker]\nrack = 'a'";
        let environment = [
            ("MILLSTREAM_NUM_PARTITIONS", "2"),
            ("MILLSTREAM_NODE_ID", "2"),
            ("HOME", "/"),
        ];
        let settings = from(file, &environment, &["num.partitions=3"]).unwrap();
        let all: Vec<_> = settings.iter().collect();
        assert_eq!(
            all,
            [
                ("broker.rack", "a"),
                ("node.id", "2"),
                ("num.partitions", "3")
            ]
        );
    }

    #[test]
    fn files_may_nest_quote_and_list() {
        let file = "\"max.connections\" = 5\n\"max.connections.per.ip\" = 2\n\
            listeners = ['A://h:1', 'B://h:2']\nlog.cleaner.min.cleanable.ratio = 0.25";
        let settings = from(file, &[], &[]).unwrap();
        assert_eq!(settings.get("max.connections"), Some("5"));
        assert_eq!(settings.get("listeners"), Some("A://h:1,B://h:2"));
        assert_eq!(
            settings.get("log.cleaner.min.cleanable.ratio"),
            Some("0.25")
        );
    }

    #[test]
    fn variables_that_kubernetes_sets_for_a_service_are_not_ours() {
        let variables = [
            "MILLSTREAM_PORT",
            "MILLSTREAM_PORT_9092_TCP",
            "MILLSTREAM_SERVICE_HOST",
        ];
        let environment = variables.map(|name| (name, "tcp://10.0.0.1:9092"));
        assert!(from("", &environment, &[]).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_refused_with_where_it_was_given() {
        let check = |file: &str, environment: &[(&str, &str)], sets: &[&str], expected: &str| {
            assert_eq!(from(file, environment, sets).unwrap_err(), expected);
        };
        check(
            "num.partitons = 1",
            &[],
            &[],
            "millstream.toml: unknown setting num.partitons",
        );
        check(
            "num.partitions = 0",
            &[],
            &[],
            "millstream.toml: invalid value \"0\" for num.partitions: \
             must be a 32-bit whole number from 1 to 10000",
        );
        check(
            "a = = 1",
            &[],
            &[],
            "millstream.toml: line 1: extra `=`, expected nothing",
        );
        check(
            "node.id = 1979-05-27",
            &[],
            &[],
            "millstream.toml: node.id cannot be a TOML datetime",
        );
        check(
            "",
            &[("MILLSTREAM_NODE_IDD", "1")],
            &[],
            "environment variable MILLSTREAM_NODE_IDD: unknown setting node.idd",
        );
        check(
            "",
            &[("MILLSTREAM_NODE_ID", "one")],
            &[],
            "environment variable MILLSTREAM_NODE_ID: invalid value \"one\" for node.id: \
             must be a 32-bit whole number of at least 0",
        );
        check("", &[], &["node.id"], "--set node.id: must be name=value");
        check("", &[], &["=1"], "--set =1: must be name=value");
        check("", &[], &["x=1"], "--set: unknown setting x");
    }
}
