//! The names of topics in a data directory that no broker has open.
//!
//! For tools that show ids to people: it takes what can be read of the catalog's log, and nothing here
//! is ever a reason to fail.

use std::collections::BTreeMap;
use std::path::Path;

use millstream_store::TopicPartition;
use millstream_store::scan::{Piece, Scan};
use uuid::Uuid;

use super::image::Image;
use super::log::apply;
use super::name::METADATA_ID;

/// The name of each topic that the catalog in `data` has, by id; blocks.
#[must_use]
pub fn topic_names(data: &Path) -> BTreeMap<Uuid, String> {
    let mut image = Image::default();
    let log = TopicPartition {
        topic_id: METADATA_ID,
        index: 0,
    };
    let segments = Scan::partition(data, log).into_iter().flatten();
    segments.flatten().for_each(|scan| replay(scan, &mut image));
    let names = image.topics().map(|(id, topic)| (id, topic.name.clone()));
    names.collect()
}

fn replay(mut segment: Scan, image: &mut Image) {
    while let Ok(Some(piece)) = segment.next_piece() {
        if let Piece::Batch { batch, .. } = piece {
            // A batch of another kind tells no names.
            let _ = apply(image, &batch);
        }
    }
}
