//! The types a setting may have, and how each reads its text.

use std::path::PathBuf;

/// Kafka's type of a configuration value, by its number in DescribeConfigs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i8)]
pub enum Type {
    /// `true` or `false`.
    Boolean = 1,
    /// Any text.
    String = 2,
    /// A 32-bit number.
    Int = 3,
    /// A 64-bit number.
    Long = 5,
    /// A number with a fraction.
    Double = 6,
    /// Texts separated by commas.
    List = 7,
}

impl Type {
    /// The number in DescribeConfigs.
    #[must_use]
    pub fn id(self) -> i8 {
        self as i8
    }
}

/// A type that a configuration field may have.
pub trait Value: Sized {
    /// What Kafka calls it.
    const TYPE: Type;
    /// What a text must look like, in words that follow "must be".
    const SHAPE: &'static str;
    /// Whether an empty text means "not set".
    const NULLABLE: bool = false;

    /// Reads the text; `None` when it is not of this type.
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! from_str_values {
    ($($type:ty = $kind:ident, $shape:literal;)+) => {$(
        impl Value for $type {
            const TYPE: Type = Type::$kind;
            const SHAPE: &'static str = $shape;
            fn parse(text: &str) -> Option<Self> {
                text.trim().parse().ok()
            }
        }
    )+};
}

from_str_values! {
    i32 = Int, "a 32-bit whole number";
    i64 = Long, "a whole number";
    f64 = Double, "a number";
    String = String, "a text";
}

impl Value for bool {
    const TYPE: Type = Type::Boolean;
    const SHAPE: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        is("true")
            .then_some(true)
            .or_else(|| is("false").then_some(false))
    }
}

impl Value for PathBuf {
    const TYPE: Type = Type::String;
    const SHAPE: &'static str = "one directory, without a comma in its name";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && !text.contains(',')).then(|| text.into())
    }
}

impl<T: Value> Value for Option<T> {
    const TYPE: Type = T::TYPE;
    const SHAPE: &'static str = T::SHAPE;
    const NULLABLE: bool = true;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(None)
        } else {
            T::parse(text).map(Some)
        }
    }
}

impl Value for Vec<String> {
    const TYPE: Type = Type::List;
    const SHAPE: &'static str = "a list of texts separated by commas";

    fn parse(text: &str) -> Option<Self> {
        Some(list::items(text).map(str::to_owned).collect())
    }
}

/// An enum of words: the text is one of them, exactly.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident ($shape:literal) {
        $($(#[$doc:meta])+ $variant:ident = $word:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl $crate::config::value::Value for $name {
            const TYPE: $crate::config::value::Type = $crate::config::value::Type::String;
            const SHAPE: &'static str = $shape;
            fn parse(text: &str) -> Option<Self> {
                match text.trim() {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(super) use words;

/// Operations on the text of a list.
pub mod list {
    /// The items of a list, without the spaces around them.
    pub fn items(text: &str) -> impl Iterator<Item = &str> {
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    /// `list` with those of `more` that it did not hold yet at its end.
    #[must_use]
    pub fn append(list: &str, more: &str) -> String {
        let mut all: Vec<&str> = items(list).collect();
        for item in items(more) {
            if !all.contains(&item) {
                all.push(item);
            }
        }
        all.join(",")
    }

    /// `list` without the items of `less`.
    #[must_use]
    pub fn subtract(list: &str, less: &str) -> String {
        let kept: Vec<&str> = items(list)
            .filter(|item| !items(less).any(|l| l == *item))
            .collect();
        kept.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_their_text_and_nothing_else() {
        assert_eq!(bool::parse(" True "), Some(true));
        assert_eq!(bool::parse("yes"), None);
        assert_eq!(i32::parse("2147483648"), None);
        assert_eq!(Option::<i64>::parse(""), Some(None));
        assert_eq!(Option::<i64>::parse("7"), Some(Some(7)));
        assert_eq!(PathBuf::parse(" /data "), Some("/data".into()));
        assert_eq!(PathBuf::parse("/a,/b"), None);
        assert_eq!(PathBuf::parse(" "), None);
        assert_eq!(Vec::<String>::parse("a, b,,c").unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn lists_grow_and_shrink_by_item() {
        assert_eq!(list::append("delete", "compact, delete"), "delete,compact");
        assert_eq!(list::append("", "compact"), "compact");
        assert_eq!(list::subtract("delete, compact", "delete"), "compact");
        assert_eq!(list::subtract("delete", "delete"), "");
    }
}
