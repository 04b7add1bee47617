//! What of a log may be compacted, and whether it is worth it. Decided from a few facts about each segment; nothing
//! here reads or writes.

use crate::config::CompactionConfig;
use crate::segment::SEAL_BYTES;

/// A segment as far as this decision goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Offset at which the next one begins, or after its last record.
    pub(crate) end: i64,
    /// Bytes of it.
    pub(crate) size: u64,
    /// Bytes of it that no pass has looked at yet.
    pub(crate) dirty: u64,
    /// Timestamp that it begins with in ms; `i64::MAX` where no lag asks for it.
    pub(crate) oldest: i64,
    /// Greatest timestamp in it in ms, or −1; −1 where no lag asks for it.
    pub(crate) newest: i64,
    /// Whether it is the one that appends go to.
    pub(crate) is_active: bool,
}

/// What may be compacted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cleanable {
    /// How many segments, from the first.
    pub(crate) segments: usize,
    /// Offset at which the last of them ends.
    pub(crate) end: i64,
    /// Share of their bytes that is dirty.
    pub(crate) ratio: f64,
    /// Whether that is enough, or too old to wait.
    pub(crate) is_due: bool,
}

/// Bytes of dirt for which the active segment is closed once appends pause. Less is not worth the files.
const SEAL_IDLE: u64 = 4 << 10;

/// What may be compacted now: nothing at or above `stable`, below which all transactions are decided, nothing that is
/// too young, and never the active segment.
pub(crate) fn cleanable(
    segments: &[Facts],
    stable: i64,
    config: &CompactionConfig,
    now_ms: i64,
) -> Option<Cleanable> {
    let may = |facts: &&Facts| {
        !facts.is_active && facts.end <= stable && is_old_enough(facts, config, now_ms)
    };
    let candidates = segments.iter().take_while(may).count();
    weigh(&segments[..candidates], config, now_ms)
}

/// Whether the active segment should be closed, so that it may be compacted: if what would then be cleanable is due,
/// and it holds enough of it. `is_idle` tells that nothing was appended since the last look.
pub(crate) fn is_worth_sealing(
    segments: &[Facts],
    is_idle: bool,
    config: &CompactionConfig,
    now_ms: i64,
) -> bool {
    let Some(active) = segments.last().filter(|last| last.is_active) else {
        return false;
    };
    let is_overdue = is_overdue(active, config, now_ms);
    let enough = match is_idle {
        true => SEAL_IDLE,
        false => SEAL_BYTES,
    };
    (active.dirty >= enough || (is_overdue && active.dirty > 0))
        && segments
            .iter()
            .all(|facts| is_old_enough(facts, config, now_ms))
        && weigh(segments, config, now_ms).is_some_and(|all| all.is_due)
}

fn weigh(segments: &[Facts], config: &CompactionConfig, now_ms: i64) -> Option<Cleanable> {
    let end = segments.last()?.end;
    let dirty: u64 = segments.iter().map(|facts| facts.dirty).sum();
    let size: u64 = segments.iter().map(|facts| facts.size).sum();
    if dirty == 0 {
        return None;
    }
    let ratio = dirty as f64 / size.max(1) as f64;
    let is_overdue = segments
        .iter()
        .any(|facts| facts.dirty > 0 && is_overdue(facts, config, now_ms));
    Some(Cleanable {
        segments: segments.len(),
        end,
        ratio,
        is_due: is_overdue || ratio > config.min_dirty_ratio,
    })
}

/// Whether a segment has kept its records for as long as they must stay as they came.
fn is_old_enough(facts: &Facts, config: &CompactionConfig, now_ms: i64) -> bool {
    facts.dirty == 0
        || config.min_lag_ms == 0
        || now_ms.saturating_sub(facts.newest) >= config.min_lag_ms
}

/// Whether a segment has kept its records for longer than they may stay as they came.
fn is_overdue(facts: &Facts, config: &CompactionConfig, now_ms: i64) -> bool {
    now_ms.saturating_sub(facts.oldest) > config.max_lag_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;
    const CONFIG: CompactionConfig = CompactionConfig {
        min_dirty_ratio: 0.5,
        min_lag_ms: 0,
        max_lag_ms: i64::MAX,
        delete_retention_ms: 0,
    };

    /// Segments of 100 offsets and 10,000 bytes with so many dirty ones; the last one is active.
    fn segments(dirty: &[u64]) -> Vec<Facts> {
        let facts = |(at, &dirty): (usize, &u64)| Facts {
            end: at as i64 * 100 + 100,
            size: 10_000,
            dirty,
            oldest: NOW - 10_000 + at as i64 * 1_000,
            newest: NOW - 9_001 + at as i64 * 1_000,
            is_active: false,
        };
        let mut all: Vec<Facts> = dirty.iter().enumerate().map(facts).collect();
        if let Some(last) = all.last_mut() {
            last.is_active = true;
        }
        all
    }

    /// How many segments may be compacted and whether that is due.
    fn found(dirty: &[u64], stable: i64, config: CompactionConfig) -> Option<(usize, bool)> {
        cleanable(&segments(dirty), stable, &config, NOW).map(|c| (c.segments, c.is_due))
    }

    #[test]
    fn neither_the_active_segment_nor_what_is_undecided_is_compacted() {
        let all = [0, 10_000, 10_000, 10_000];
        assert_eq!(found(&all, i64::MAX, CONFIG), Some((3, true)));
        assert_eq!(found(&all, 300, CONFIG), Some((3, true)));
        assert_eq!(found(&all, 299, CONFIG), Some((2, false)));
        assert_eq!(found(&all, 199, CONFIG), None, "nothing dirty below");
        assert_eq!(found(&[10_000], i64::MAX, CONFIG), None);
        assert_eq!(found(&[], i64::MAX, CONFIG), None);
    }

    #[test]
    fn a_log_is_due_once_more_than_its_ratio_is_dirty() {
        let with_ratio = |min_dirty_ratio, dirty: &[u64]| {
            let config = CompactionConfig {
                min_dirty_ratio,
                ..CONFIG
            };
            found(dirty, i64::MAX, config)
        };
        assert_eq!(with_ratio(0.5, &[0, 10_000, 0]), Some((2, false)));
        assert_eq!(with_ratio(0.5, &[1, 10_000, 0]), Some((2, true)));
        assert_eq!(with_ratio(0.0, &[0, 1, 0]), Some((2, true)));
        assert_eq!(with_ratio(0.0, &[0, 0, 10_000]), None);
        assert_eq!(with_ratio(1.0, &[10_000, 10_000, 0]), Some((2, false)));
    }

    #[test]
    fn records_stay_as_they_came_for_the_lag_and_wait_no_longer_than_the_other() {
        let with_lags = |min_lag_ms, max_lag_ms| {
            let config = CompactionConfig {
                min_lag_ms,
                max_lag_ms,
                ..CONFIG
            };
            found(&[0, 0, 0, 100, 100, 0], i64::MAX, config)
        };
        assert_eq!(with_lags(0, i64::MAX), Some((5, false)));
        assert_eq!(with_lags(5_001, i64::MAX), Some((5, false)));
        assert_eq!(with_lags(5_002, i64::MAX), Some((4, false)));
        assert_eq!(with_lags(6_002, i64::MAX), None);
        assert_eq!(with_lags(0, 7_000), Some((5, false)));
        assert_eq!(with_lags(0, 6_999), Some((5, true)));
    }

    #[test]
    fn the_active_segment_is_closed_for_much_dirt_or_once_appends_pause() {
        let check = |size, dirty, is_idle, expected| {
            let mut all = segments(&[0, 0]);
            (all[1].size, all[1].dirty) = (size, dirty);
            let sealed = is_worth_sealing(&all, is_idle, &CONFIG, NOW);
            assert_eq!(sealed, expected, "{dirty} of {size} bytes, idle {is_idle}");
        };
        check(SEAL_BYTES, SEAL_BYTES, false, true);
        check(SEAL_BYTES, SEAL_BYTES - 1, false, false);
        check(30_000, 30_000, true, true);
        check(30_000, SEAL_IDLE - 1, true, false);
        check(5_000, 5_000, true, false);
        assert!(!is_worth_sealing(&[], true, &CONFIG, NOW));
    }

    #[test]
    fn what_has_waited_too_long_closes_the_active_segment() {
        let config = CompactionConfig {
            max_lag_ms: 9_000,
            ..CONFIG
        };
        let mut all = segments(&[1]);
        assert!(is_worth_sealing(&all, false, &config, NOW));
        all[0].dirty = 0;
        assert!(!is_worth_sealing(&all, false, &config, NOW));
        all[0].dirty = 1;
        all[0].is_active = false;
        assert!(!is_worth_sealing(&all, false, &config, NOW));
    }
}
