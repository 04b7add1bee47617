//! From the acknowledgements of a request to what they say. Never looks at who has which message.

use std::sync::Arc;

use millstream_queue::Span;
use millstream_wire::api::share_fetch::AcknowledgementBatch;

use super::Member;
use super::settle::Word;
use crate::Error;

/// What the acknowledgements of a partition say. A request that asks for more time says so in front (`may_renew`).
///
/// # Errors
/// [`Error::InvalidRequest`] names what contradicts itself.
pub(crate) fn words(
    batches: &[AcknowledgementBatch],
    may_renew: bool,
) -> Result<Vec<(Span, Word)>, Error> {
    let mut words: Vec<(Span, Word)> = Vec::new();
    for batch in batches {
        let (first, last) = (batch.first_offset, batch.last_offset);
        let span = Span::new(first, last).filter(|span| span.first >= 0);
        let span = span.ok_or_else(|| invalid(first, last, "no range of offsets"))?;
        if words.last().is_some_and(|(before, _)| before.last >= first) {
            return Err(invalid(first, last, "not behind those before"));
        }
        match batch.acknowledge_types.as_slice() {
            [one] => words.push((span, word(*one, span, may_renew)?)),
            each if each.len() as u64 == span.count() => {
                for (offset, one) in (first..=last).zip(each) {
                    push(&mut words, offset, word(*one, span, may_renew)?, first);
                }
            }
            _ => return Err(invalid(first, last, "of another number of types")),
        }
    }
    Ok(words)
}

/// Adds the word for one offset to those of its neighbours, down to `begin`, if it is the same.
fn push(words: &mut Vec<(Span, Word)>, offset: i64, word: Word, begin: i64) {
    match words.last_mut() {
        Some((span, last)) if *last == word && span.next() == offset && span.first >= begin => {
            span.last = offset;
        }
        _ => words.push((Span::one(offset), word)),
    }
}

fn word(kind: i8, span: Span, may_renew: bool) -> Result<Word, Error> {
    match kind {
        // Where there was no message, none is left.
        0 | 1 => Ok(Word::Accept),
        2 => Ok(Word::Release),
        3 => Ok(Word::Reject),
        4 if may_renew => Ok(Word::Renew),
        _ => Err(invalid(span.first, span.last, &format!("of type {kind}"))),
    }
}

fn invalid(first: i64, last: i64, what: &str) -> Error {
    Error::InvalidRequest(format!("acknowledgement of {first} to {last} is {what}"))
}

/// Who asks.
///
/// # Errors
/// [`Error::InvalidRequest`] if group or member has no name.
pub(crate) fn member(group: Option<&str>, id: Option<&str>) -> Result<Member, Error> {
    let name = |given: Option<&str>, what| match given {
        Some(name) if !name.is_empty() => Ok(Arc::from(name)),
        _ => Err(Error::InvalidRequest(format!("the {what} id is empty"))),
    };
    Ok(Member {
        group: name(group, "group")?,
        id: name(id, "member")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of batches: first and last offset, and one type for all or one for each.
    fn said(batches: &[(i64, i64, &[i8])], may_renew: bool) -> Result<Vec<(Span, Word)>, Error> {
        let batch = |(first, last, types): &(i64, i64, &[i8])| AcknowledgementBatch {
            first_offset: *first,
            last_offset: *last,
            acknowledge_types: types.to_vec(),
        };
        let batches: Vec<_> = batches.iter().map(batch).collect();
        words(&batches, may_renew)
    }

    fn spans(words: &[(Span, Word)]) -> Vec<(i64, i64, Word)> {
        words.iter().map(|(s, w)| (s.first, s.last, *w)).collect()
    }

    #[test]
    fn one_type_stands_for_all_and_several_for_one_each() {
        let said_of_both = said(&[(3, 9, &[1]), (10, 13, &[0, 1, 2, 3])], false);
        let expected = [
            (3, 9, Word::Accept),
            (10, 11, Word::Accept),
            (12, 12, Word::Release),
            (13, 13, Word::Reject),
        ];
        assert_eq!(spans(&said_of_both.unwrap()), expected);
        let renewed = said(&[(0, 0, &[4])], true).unwrap();
        assert_eq!(spans(&renewed), [(0, 0, Word::Renew)]);
    }

    /// AK ShareFetchUtils, KafkaApis.scala.
    #[test]
    fn acknowledgements_that_contradict_themselves_are_refused() {
        let refused: [&[(i64, i64, &[i8])]; 8] = [
            &[(5, 4, &[1])],
            &[(-1, 4, &[1])],
            &[(0, 4, &[])],
            &[(0, 4, &[1, 1])],
            &[(0, 0, &[5])],
            &[(0, 0, &[-1])],
            &[(0, 0, &[4])],
            &[(0, 4, &[1]), (4, 5, &[1])],
        ];
        for batches in refused {
            let outcome = said(batches, false);
            assert!(
                matches!(outcome, Err(Error::InvalidRequest(_))),
                "{batches:?}"
            );
        }
        // A length that nobody could have sent a type for each of.
        assert!(said(&[(0, i64::MAX, &[1, 1])], false).is_err());
    }
}
