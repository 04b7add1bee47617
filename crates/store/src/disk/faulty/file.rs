//! A file of a faulty disk: the bytes that the kernel shows, and the bytes that the device has.

use std::collections::BTreeSet;
use std::io::{self, IoSlice};
use std::sync::Arc;

use parking_lot::Mutex;

use super::plan::Op;
use super::{Device, Survives};
use crate::disk::File;

/// Bytes that the device writes as a whole.
const SECTOR: usize = 512;

/// A file of a [`FaultyDisk`](super::FaultyDisk).
#[derive(Debug)]
pub struct FaultyFile {
    device: Arc<Device>,
    bytes: Mutex<Images>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Images {
    /// What reads see.
    pub(super) live: Vec<u8>,
    /// What a power cut leaves.
    pub(super) durable: Vec<u8>,
    /// Bytes from the beginning for which room was set aside.
    reserved: usize,
    /// Sectors that a failed sync left behind: the kernel takes them for clean, so that no later sync
    /// writes them unless somebody writes to them again, and what it shows of them is gone once it
    /// needs the memory.
    forsaken: BTreeSet<usize>,
}

impl FaultyFile {
    /// A file on that device.
    pub(super) fn new(device: &Arc<Device>, bytes: Images) -> Arc<Self> {
        Arc::new(FaultyFile {
            device: Arc::clone(device),
            bytes: Mutex::new(bytes),
        })
    }

    /// Bytes that it takes up.
    pub(super) fn len(&self) -> usize {
        self.bytes.lock().live.len()
    }

    /// Cuts or extends what reads see.
    pub(super) fn resize(&self, len: usize) {
        let live = &mut self.bytes.lock().live;
        self.device.give_back(live.len().saturating_sub(len));
        live.resize(len, 0);
    }

    /// Changes both images, as a failing device would.
    pub(super) fn damage(&self, change: impl Fn(&mut Vec<u8>)) {
        let mut bytes = self.bytes.lock();
        change(&mut bytes.live);
        change(&mut bytes.durable);
    }

    /// What a crash leaves of it; `number` tells the files of a disk apart.
    pub(super) fn after_crash(&self, survives: Survives, number: u64) -> Images {
        let bytes = self.bytes.lock();
        let left = match survives {
            Survives::Written => return bytes.clone(),
            Survives::Synced => bytes.durable.clone(),
            Survives::Torn(more) => bytes.torn(more),
            Survives::Mixed(seed) => bytes.mixed(seed ^ mix(number)),
        };
        Images {
            live: left.clone(),
            durable: left,
            reserved: 0,
            forsaken: BTreeSet::new(),
        }
    }

    /// Writes as much of a part as there is room for; whether that is all.
    fn write_part(&self, part: &[u8], position: usize) -> bool {
        let mut bytes = self.bytes.lock();
        let wanted = (position + part.len()).saturating_sub(bytes.room());
        let lacking = wanted - self.device.take_room(wanted);
        bytes.write(&part[..part.len() - lacking], position);
        lacking == 0
    }
}

impl Images {
    fn write(&mut self, part: &[u8], position: usize) {
        let end = position + part.len();
        if self.live.len() < end {
            self.live.resize(end, 0);
        }
        self.live[position..end].copy_from_slice(part);
        for sector in position / SECTOR..end.div_ceil(SECTOR) {
            self.forsaken.remove(&sector);
        }
    }

    /// Bytes that need no more room.
    fn room(&self) -> usize {
        self.live.len().max(self.reserved)
    }

    /// Makes durable what the kernel knows to be dirty.
    fn sync(&mut self) {
        let mut durable = self.live.clone();
        for &sector in &self.forsaken {
            copy_sector(&mut durable, &self.durable, sector);
        }
        self.durable = durable;
    }

    fn fail_sync(&mut self) {
        let sectors = 0..self.live.len().div_ceil(SECTOR);
        let dirty = sectors.filter(|&n| sector(&self.live, n) != sector(&self.durable, n));
        self.forsaken.extend(dirty);
    }

    /// Drops what is clean from memory, so that reads see what the device has.
    fn evict(&mut self) {
        for sector in std::mem::take(&mut self.forsaken) {
            copy_sector(&mut self.live, &self.durable, sector);
        }
    }

    /// What there is if the device stops `more` bytes past the first that was not synced.
    fn torn(&self, more: usize) -> Vec<u8> {
        let pairs = self.live.iter().zip(&self.durable);
        let same = pairs.take_while(|(live, durable)| live == durable).count();
        let end = self.live.len().min(same + more);
        let mut left = self.live[..end].to_vec();
        left.extend(self.durable.iter().skip(end));
        left
    }

    /// Sectors that were written since the last sync, or not, and any length in between.
    fn mixed(&self, seed: u64) -> Vec<u8> {
        let (live, durable) = (self.live.len(), self.durable.len());
        let len = match mix(seed) % 4 {
            0 => live,
            1 => durable,
            n => live.min(durable) + (n as usize * live.abs_diff(durable)) / 4,
        };
        let mut left = vec![0; len];
        for number in 0..len.div_ceil(SECTOR) {
            let survives = mix(seed.wrapping_add(number as u64)) & 1 == 0;
            let image = if survives { &self.live } else { &self.durable };
            copy_sector(&mut left, image, number);
        }
        left
    }
}

/// The bytes of a sector, as far as the file goes.
fn sector(bytes: &[u8], number: usize) -> &[u8] {
    let from = bytes.len().min(number * SECTOR);
    &bytes[from..bytes.len().min(from + SECTOR)]
}

/// Puts a sector of one image into another; where it has none, there are zeros.
fn copy_sector(to: &mut [u8], from: &[u8], number: usize) {
    let source = sector(from, number);
    let start = to.len().min(number * SECTOR);
    let end = to.len().min(start + SECTOR);
    for (at, byte) in to[start..end].iter_mut().enumerate() {
        *byte = source.get(at).copied().unwrap_or(0);
    }
}

/// A number that looks like chance and is always the same (SplitMix64).
pub(super) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

impl File for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.device.plan.admit(Op::Read)?;
        let bytes = self.bytes.lock();
        let from = bytes.live.len().min(position as usize);
        let len = buffer.len().min(bytes.live.len() - from);
        buffer[..len].copy_from_slice(&bytes.live[from..from + len]);
        self.device.note_read(len);
        Ok(len)
    }

    fn read_cached_at(&self, buffer: &mut [u8], position: u64) -> io::Result<Option<usize>> {
        self.read_at(buffer, position).map(Some)
    }

    fn write_at(&self, parts: &mut [IoSlice<'_>], position: u64) -> io::Result<()> {
        let outcome = self.device.plan.admit(Op::Write);
        let mut left = outcome
            .as_ref()
            .map_or_else(|failed| failed.torn, |()| usize::MAX);
        let mut position = position as usize;
        for part in parts {
            let part = &part[..part.len().min(left)];
            if !self.write_part(part, position) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            position += part.len();
            left -= part.len();
        }
        Ok(outcome?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.device.plan.admit(Op::SetLen)?;
        self.resize(len as usize);
        Ok(())
    }

    fn reserve(&self, position: u64, len: u64) -> io::Result<()> {
        self.device.plan.admit(Op::SetLen)?;
        let mut bytes = self.bytes.lock();
        let wanted = ((position + len) as usize).saturating_sub(bytes.room());
        let taken = self.device.take_room(wanted);
        if taken < wanted {
            self.device.give_back(taken);
            return Err(io::ErrorKind::StorageFull.into());
        }
        bytes.reserved = bytes.room() + wanted;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let outcome = self.device.plan.admit(Op::Sync);
        let mut bytes = self.bytes.lock();
        match &outcome {
            Ok(()) => bytes.sync(),
            Err(failed) if failed.is_over => {}
            Err(_) => bytes.fail_sync(),
        }
        Ok(outcome?)
    }

    fn forget(&self, _end: u64) {
        self.bytes.lock().evict();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(len: usize) -> Images {
        let mut images = Images::default();
        images.write(&vec![1; len], 0);
        images
    }

    #[test]
    fn what_a_failed_sync_left_behind_no_later_one_writes() {
        let mut images = images(SECTOR);
        images.sync();
        images.write(&[2; SECTOR], SECTOR);
        images.fail_sync();
        images.write(&[3; 10], 0);
        images.sync();
        assert_eq!(images.durable[..10], [3; 10]);
        assert_eq!(images.durable[SECTOR..], [0; SECTOR]);
        assert_eq!(images.live[SECTOR..], [2; SECTOR]);
        images.evict();
        assert_eq!(images.live, images.durable);
    }

    #[test]
    fn writing_again_what_a_failed_sync_left_behind_makes_it_dirty_again() {
        let mut images = images(2 * SECTOR);
        images.fail_sync();
        images.write(&[1], SECTOR);
        images.sync();
        assert_eq!(images.durable[..SECTOR], [0; SECTOR]);
        assert_eq!(images.durable[SECTOR..], [1; SECTOR]);
    }

    #[test]
    fn a_mixture_has_whole_sectors_of_either_image() {
        let mut images = images(8 * SECTOR);
        images.sync();
        images.write(&[2; 8 * SECTOR], 0);
        for seed in 0..50 {
            let left = images.mixed(seed);
            assert_eq!(left.len(), 8 * SECTOR);
            for sector in left.chunks(SECTOR) {
                assert!(sector == [1; SECTOR] || sector == [2; SECTOR]);
            }
        }
        assert_ne!(images.mixed(1), images.mixed(2));
    }
}
