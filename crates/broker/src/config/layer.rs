//! Who set what: layers of explicit values over the defaults.
//!
//! A layer holds only names of its table and values that passed their checks.

use std::collections::BTreeMap;

use super::def::{ConfigDef, InvalidConfig, Table};
use super::value::{Type, list};

/// Where a value comes from, by its number in DescribeConfigs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub enum Source {
    /// Set on the topic itself.
    Topic = 1,
    /// Altered on this running broker.
    DynamicBroker = 2,
    /// Altered for every running broker.
    DynamicDefaultBroker = 3,
    /// Given at start: file, environment or command line.
    StaticBroker = 4,
    /// Nobody set it.
    Default = 5,
    /// Set on the subscription itself.
    ClientMetrics = 7,
    /// Set on the group itself.
    Group = 8,
}

impl Source {
    /// The number in DescribeConfigs.
    #[must_use]
    pub fn id(self) -> i8 {
        self as i8
    }
}

/// Explicit values that share a source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    /// Who set them.
    pub(super) source: Source,
    /// What they set.
    pub(super) settings: Settings,
}

/// Explicit values by name: each known to its table and checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// Sets one value; an empty value of a nullable setting removes it.
    ///
    /// # Errors
    /// When the table has no such name or refuses the value.
    pub fn set(&mut self, table: Table, name: &str, value: &str) -> Result<(), InvalidConfig> {
        let def = table.find(name)?;
        def.check(value)?;
        if def.nullable && value.is_empty() {
            self.0.remove(def.name);
        } else {
            self.0.insert(def.name, value.to_owned());
        }
        Ok(())
    }

    /// Back to the default. Removing what was never set changes nothing.
    ///
    /// # Errors
    /// When the table has no such name.
    pub fn remove(&mut self, table: Table, name: &str) -> Result<(), InvalidConfig> {
        let def = table.find(name)?;
        self.0.remove(def.name);
        Ok(())
    }

    /// Adds the items of `more` to a list; `current` is the list in force.
    ///
    /// # Errors
    /// When the setting is unknown or no list, or refuses the outcome.
    pub fn append(
        &mut self,
        table: Table,
        name: &str,
        current: &str,
        more: &str,
    ) -> Result<(), InvalidConfig> {
        self.alter_list(table, name, &list::append(current, more))
    }

    /// Takes the items of `less` from a list; `current` is the list in force.
    ///
    /// # Errors
    /// When the setting is unknown or no list, or refuses the outcome.
    pub fn subtract(
        &mut self,
        table: Table,
        name: &str,
        current: &str,
        less: &str,
    ) -> Result<(), InvalidConfig> {
        self.alter_list(table, name, &list::subtract(current, less))
    }

    fn alter_list(&mut self, table: Table, name: &str, outcome: &str) -> Result<(), InvalidConfig> {
        let def = table.find(name)?;
        if def.kind != Type::List {
            return Err(InvalidConfig::NotAList { name: def.name });
        }
        self.set(table, name, outcome)
    }

    /// Of these values, those that the broker alone sets.
    #[must_use]
    pub fn read_only(&self, table: Table) -> Self {
        let read_only = table.iter().filter(|def| def.read_only);
        let set = |def: &'static ConfigDef| Some((def.name, self.0.get(def.name)?.clone()));
        Self(read_only.filter_map(set).collect())
    }

    /// Refuses to be what a client made of `before` if it touched what the broker alone sets.
    ///
    /// # Errors
    /// [`InvalidConfig::ReadOnly`] names the first such setting.
    pub fn check_read_only(&self, table: Table, before: &Self) -> Result<(), InvalidConfig> {
        let mut read_only = table.iter().filter(|def| def.read_only);
        match read_only.find(|def| self.get(def.name) != before.get(def.name)) {
            Some(def) => Err(InvalidConfig::ReadOnly { name: def.name }),
            None => Ok(()),
        }
    }

    /// The value set for that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
