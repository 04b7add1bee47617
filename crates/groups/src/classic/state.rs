//! The states of a classic group and what leads from one to another.

/// Where a group stands between two generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// **Means:** no members; at most some that were given an id and have not come back with it.
    /// **Does:** answers fetches of offsets, takes commits that name no generation, forgets offsets
    /// once they are older than the retention, counted from the moment it became empty.
    ///
    /// - a new member joins → `PreparingRebalance`, for as long as the initial delay
    /// - its last offset expires, or it is deleted → `Dead`
    Empty,
    /// **Means:** members are being gathered for the next generation.
    /// **Does:** parks joins; tells whoever heartbeats or syncs to join again; takes commits of the
    /// generation that ends.
    ///
    /// - every member has joined → `CompletingRebalance`
    /// - the rebalance timeout (or the initial delay) ends: dynamic members that did not join are
    ///   dropped; some joined → `CompletingRebalance`; none is left → `Empty`; only silent static
    ///   ones are left → wait for another rebalance timeout
    PreparingRebalance,
    /// **Means:** the generation is set, its assignment is not: the leader is computing it.
    /// **Does:** parks syncs; answers heartbeats; refuses commits.
    ///
    /// - the leader syncs → `Stable`
    /// - a member joins, joins with other protocols, leaves or falls silent → `PreparingRebalance`
    /// - a member has not synced within the rebalance timeout → it is dropped, `PreparingRebalance`
    CompletingRebalance,
    /// **Means:** everybody has work, or can fetch it by a sync.
    /// **Does:** answers heartbeats, syncs, commits, and joins of followers that changed nothing.
    ///
    /// - a member joins, joins with other protocols, leaves or falls silent → `PreparingRebalance`
    /// - the leader joins again → `PreparingRebalance`
    /// - a static member comes back under a new id, the protocol unchanged → `Stable`
    /// - a member has not synced within the rebalance timeout → it is dropped, `PreparingRebalance`
    Stable,
    /// **Means:** there is no such group. **Does:** nothing; no group is kept in this state, it is
    /// how an absent one is described.
    Dead,
}

impl State {
    /// Kafka's name of the state, as DescribeGroups and ListGroups show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}
