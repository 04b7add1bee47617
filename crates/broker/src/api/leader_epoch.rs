//! Whether a client and its partition mean the same leader epoch.

use millstream_store::Partition;

use crate::Error;

/// Refuses a client that believes in another leader epoch than the partition's; −1 believes in none.
///
/// # Errors
/// [`Error::FencedLeaderEpoch`] for an older one, [`Error::UnknownLeaderEpoch`] for a newer one.
pub(crate) fn check(partition: &Partition, believed: i32) -> Result<(), Error> {
    let current = partition.leader_epoch();
    match believed {
        ..0 => Ok(()),
        _ if believed < current => Err(Error::FencedLeaderEpoch { believed, current }),
        _ if believed > current => Err(Error::UnknownLeaderEpoch { believed, current }),
        _ => Ok(()),
    }
}
