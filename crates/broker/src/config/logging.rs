//! What is logged, and in which form.

use tracing::level_filters::LevelFilter;

use super::value::{Type, Value, list, words};

words! {
    /// Form of the log.
    pub enum LoggingFormat ("human or json") {
        /// Lines for people.
        Human = "human",
        /// One JSON object per line.
        Json = "json",
    }
}

/// How much is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggingLevels {
    /// Where nothing else is said.
    pub default: LevelFilter,
    /// By module.
    pub modules: Vec<(String, LevelFilter)>,
}

impl Value for LoggingLevels {
    const TYPE: Type = Type::List;
    const SHAPE: &'static str = "error, warn, info, debug, trace or off, \
         or a list such as info,millstream_store=debug";

    fn parse(text: &str) -> Option<Self> {
        let mut levels = Self {
            default: LevelFilter::INFO,
            modules: Vec::new(),
        };
        for item in list::items(text) {
            match item.split_once('=') {
                None => levels.default = item.parse().ok()?,
                Some((module, level)) => {
                    levels
                        .modules
                        .push((module.to_owned(), level.parse().ok()?));
                }
            }
        }
        (!text.trim().is_empty()).then_some(levels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_for_all_and_by_module() {
        let levels = LoggingLevels::parse("warn, millstream_store=debug").unwrap();
        assert_eq!(levels.default, LevelFilter::WARN);
        assert_eq!(
            levels.modules,
            [("millstream_store".to_owned(), LevelFilter::DEBUG)]
        );
        for wrong in ["", "loud", "info,x=loud", "millstream_store"] {
            assert_eq!(LoggingLevels::parse(wrong), None, "{wrong}");
        }
    }
}
