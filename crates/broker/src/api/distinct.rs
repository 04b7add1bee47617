//! Requests that may name each thing once.

use std::collections::HashMap;
use std::hash::Hash;

use crate::Error;

/// Each item whose key comes for the first time; one whose key comes again is an error in its place.
pub(crate) fn distinct<'i, T, K: Eq + Hash>(
    items: &'i [T],
    key: impl Fn(&'i T) -> K,
) -> Vec<(&'i T, Result<(), Error>)> {
    let mut times = HashMap::with_capacity(items.len());
    for item in items {
        *times.entry(key(item)).or_insert(0) += 1;
    }
    let first = |item| Some((item, times.remove(&key(item))?));
    let judged = items
        .iter()
        .filter_map(first)
        .map(|(item, times)| match times {
            1 => (item, Ok(())),
            _ => (item, Err(Error::NamedTwice)),
        });
    judged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_twice_is_refused_once() {
        let judged = distinct(&["a", "b", "a", "a"], |item| *item);
        let judged: Vec<_> = judged
            .iter()
            .map(|(item, judged)| (**item, judged.is_ok()))
            .collect();
        assert_eq!(judged, [("a", false), ("b", true)]);
    }
}
