//! What a setting is: one declaration, from which everything else about it derives.
//!
//! [`settings!`](crate::config::def) turns a struct of documented fields into a typed configuration
//! and its [`Table`]. Parsing, validation, DescribeConfigs, `serve --help` and the page
//! `docs/configuration.md` all read that table; nothing about a setting is written a second time.

use super::value::Type;

/// One setting: its name, type, default, bounds and meaning.
#[derive(Debug, Clone, Copy)]
pub struct ConfigDef {
    /// Kafka's name where Kafka has the setting.
    pub name: &'static str,
    /// Kafka's type of the value.
    pub kind: Type,
    /// Value when nobody sets one; an empty text of a nullable setting means null.
    pub default: &'static str,
    /// Whether an empty value means "not set".
    pub nullable: bool,
    /// What a value looks like, in words that follow "must be".
    pub shape: &'static str,
    /// Whether a text is a value of this type, bounds aside.
    pub parses: fn(&str) -> bool,
    /// Smallest number allowed.
    pub min: i64,
    /// Largest number allowed.
    pub max: i64,
    /// What the setting does, in one or two sentences.
    pub doc: &'static str,
    /// Whether a running server can take a new value.
    pub dynamic: bool,
    /// Whether the broker alone sets it.
    pub read_only: bool,
    /// Whether the value is a secret that is never shown.
    pub sensitive: bool,
    /// Broker settings that give the default, the most specific first, with the factor that
    /// converts their unit.
    pub from: &'static [(&'static str, i64)],
    /// Default on a queue, whatever the broker's settings say.
    pub of_queue: Option<&'static str>,
    /// Broker settings that give the least and the most that a number may be.
    pub within: Option<(&'static str, &'static str)>,
}

impl ConfigDef {
    /// What [`settings!`](crate::config::def) starts each entry from.
    pub(super) const BASE: Self = Self {
        name: "",
        kind: Type::String,
        default: "",
        nullable: false,
        shape: "a text",
        parses: |_| true,
        min: i64::MIN,
        max: i64::MAX,
        doc: "",
        dynamic: false,
        read_only: false,
        sensitive: false,
        from: &[],
        of_queue: None,
        within: None,
    };

    /// Whether nobody setting a value means that there is none.
    #[must_use]
    pub fn default_is_null(&self) -> bool {
        self.nullable && self.default.is_empty()
    }

    /// What is allowed, in words that follow "must be".
    #[must_use]
    pub fn allowed(&self) -> String {
        let bounds = match (self.min, self.max) {
            (i64::MIN, i64::MAX) => String::new(),
            (min, i64::MAX) => format!(" of at least {min}"),
            (min, max) if min == max => format!(", exactly {min}"),
            (min, max) => format!(" from {min} to {max}"),
        };
        let unset = if self.nullable { ", or nothing" } else { "" };
        format!("{}{bounds}{unset}", self.shape)
    }

    /// Refuses a value that is not of the setting's type or lies outside its bounds.
    ///
    /// # Errors
    /// [`InvalidConfig::Value`] names the setting, the value and what is allowed.
    pub fn check(&self, value: &str) -> Result<(), InvalidConfig> {
        let unset = self.nullable && value.is_empty();
        if unset || ((self.parses)(value) && self.within_bounds(value)) {
            return Ok(());
        }
        Err(InvalidConfig::Value {
            name: self.name,
            value: value.to_owned(),
            allowed: self.allowed(),
        })
    }

    fn within_bounds(&self, value: &str) -> bool {
        match self.kind {
            Type::Int | Type::Long => value
                .trim()
                .parse()
                .is_ok_and(|n: i64| (self.min..=self.max).contains(&n)),
            Type::Double => value
                .trim()
                .parse()
                .is_ok_and(|n: f64| (self.min as f64..=self.max as f64).contains(&n)),
            _ => true,
        }
    }
}

/// All settings of one kind, in the order in which they are shown.
#[derive(Debug, Clone, Copy)]
pub struct Table(pub(super) &'static [ConfigDef]);

impl Table {
    /// The settings, in the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = &'static ConfigDef> + use<> {
        self.0.iter()
    }

    /// The setting of that name.
    ///
    /// # Errors
    /// [`InvalidConfig::Unknown`] when there is none.
    pub fn find(&self, name: &str) -> Result<&'static ConfigDef, InvalidConfig> {
        self.iter()
            .find(|def| def.name == name)
            .ok_or_else(|| InvalidConfig::Unknown {
                name: name.to_owned(),
            })
    }
}

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// No setting has that name.
    #[error("unknown setting {name}")]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// The value is of the wrong type or out of bounds.
    #[error("invalid value {value:?} for {name}: must be {allowed}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The value as given.
        value: String,
        /// What would be accepted.
        allowed: String,
    },
    /// A client was to set what the broker alone sets.
    #[error("{name} is set by the broker alone")]
    ReadOnly {
        /// The setting.
        name: &'static str,
    },
    /// A value was to be added to, or taken from, a setting that is no list.
    #[error("{name} is not a list: values cannot be added to it or taken from it")]
    NotAList {
        /// The setting.
        name: &'static str,
    },
}

/// Declares a typed configuration and its [`Table`] in one go: a field's doc comment is the
/// setting's documentation, its type decides the Kafka type and what parses. After the default
/// follow the [`ConfigDef`] fields that differ from [`ConfigDef::BASE`].
macro_rules! settings {
    ($(#[$meta:meta])* pub struct $config:ident;
     $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $name:literal, $default:literal
        $(, $key:ident: $value:expr)*;)+) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $config {
            $($(#[doc = $doc])+ pub $field: $type,)+
            pub(super) layers: Vec<Layer>,
        }

        impl $config {
            /// Every setting of this kind.
            pub const TABLE: Table = Table(&[$(ConfigDef {
                name: $name,
                default: $default,
                doc: concat!($($doc),+),
                kind: <$type as Value>::TYPE,
                nullable: <$type as Value>::NULLABLE,
                shape: <$type as Value>::SHAPE,
                parses: |text| <$type as Value>::parse(text).is_some(),
                $($key: $value,)*
                ..ConfigDef::BASE
            }),+]);

            /// Reads every field from the text that `lookup` finds for its setting.
            pub(super) fn read(
                layers: Vec<Layer>,
                lookup: impl Fn(&'static ConfigDef) -> String,
            ) -> Result<Self, InvalidConfig> {
                Ok(Self {
                    $($field: read_value(Self::TABLE.find($name)?, &lookup)?,)+
                    layers,
                })
            }
        }
    };
}
pub(super) use settings;

/// One field of a configuration, checked and typed.
pub(super) fn read_value<T: super::value::Value>(
    def: &'static ConfigDef,
    lookup: &impl Fn(&'static ConfigDef) -> String,
) -> Result<T, InvalidConfig> {
    let text = lookup(def);
    def.check(&text)?;
    T::parse(&text).ok_or_else(|| InvalidConfig::Value {
        name: def.name,
        value: text,
        allowed: def.allowed(),
    })
}
