//! Expressions by which consumers subscribe to topics: RE2's syntax, bounded in what they may cost. They are matched in
//! time linear in the name, whatever they look like.

use regex::{Regex, RegexBuilder};

use crate::Error;

/// Bytes that a compiled expression may take, and again what matching may remember.
const SIZE_LIMIT: usize = 1 << 20;
/// How deep groups may be nested.
const NEST_LIMIT: u32 = 100;

/// What topics' names are held against, as a whole.
///
/// # Errors
/// [`Error::Expression`] if it cannot be understood or is too large.
pub(crate) fn parse(expression: &str) -> Result<Regex, Error> {
    let plain = without_quotes(expression);
    // By itself first: what is put around it must not make whole what is not.
    build(&plain, expression)?;
    build(&format!(r"\A(?:{plain})\z"), expression)
}

fn build(pattern: &str, expression: &str) -> Result<Regex, Error> {
    let mut builder = RegexBuilder::new(pattern);
    let builder = builder
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(NEST_LIMIT);
    builder.build().map_err(|error| Error::Expression {
        expression: expression.to_owned(),
        // The last line says what is wrong, those before it point to where.
        reason: error
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .trim()
            .to_owned(),
    })
}

/// The same with the text between `\Q` and `\E`, which stands for itself, written out.
fn without_quotes(expression: &str) -> String {
    let mut plain = String::new();
    let mut rest = expression;
    while let Some((before, quoted)) = split_at_quote(rest) {
        let (text, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
        plain.push_str(before);
        plain.push_str(&regex::escape(text));
        rest = after;
    }
    plain + rest
}

/// What is before the first `\Q` whose backslash is not itself escaped, and what is behind it.
fn split_at_quote(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped && character == 'Q' {
            return Some((&text[..at - 1], &text[at + 1..]));
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_as_a_whole() {
        let table: &[(&str, &str, bool)] = &[
            ("orders", "orders", true),
            ("orders", "orders-eu", false),
            ("orders.*", "orders-eu", true),
            ("a|b", "ab", false),
            ("a|b", "b", true),
            (r"(?i)Orders\d+", "ORDERS7", true),
            (r"\Qa.b\E.*", "a.b-1", true),
            (r"\Qa.b\E.*", "axb-1", false),
            (r"\\Q", r"\Q", true),
            (r"\Qa.", "a.", true),
            ("(?P<region>eu|us)-[[:alpha:]]+", "eu-x", true),
            ("", "", true),
        ];
        for (expression, name, expected) in table {
            assert_eq!(
                parse(expression).unwrap().is_match(name),
                *expected,
                "{expression} {name}"
            );
        }
    }

    #[test]
    fn what_cannot_be_understood_or_explodes_is_refused_by_name() {
        let deep = "(".repeat(200) + &")".repeat(200);
        for bad in [
            "(",
            "a)|(b",
            "[z-a]",
            "*a",
            r"(a)\1",
            "a(?=b)",
            "((a{999}){999}){999}",
            &deep,
        ] {
            let error = parse(bad).unwrap_err();
            assert!(
                matches!(&error, Error::Expression { expression, .. } if expression == bad),
                "{error}"
            );
        }
    }
}
