//! Compression of a batch's records as one blob.
//!
//! Decompression is bounded: output grows as it is produced and stops at the caller's limit, whatever the compressed
//! data promise.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read, Write};

use crate::{Error, snappy};

/// How the records of a batch are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    None = 0,
    /// gzip (RFC 1952).
    Gzip = 1,
    /// Snappy, in the xerial stream format that the Java client writes or as one raw block.
    Snappy = 2,
    /// LZ4 frames.
    Lz4 = 3,
    /// Zstandard frames.
    Zstd = 4,
}

/// A codec, and how hard it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// Which codec.
    pub codec: Codec,
    /// Level in the codec's own scale; the codec's default if `None`. Snappy and LZ4 know one level only.
    pub level: Option<i32>,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        Self { codec, level: None }
    }
}

/// Largest window that a zstd frame may ask the reader to keep, as a power of two: 128 MiB, zstd's own default bound.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Kafka's default zstd level.
const ZSTD_LEVEL: i32 = 3;

impl Codec {
    /// All codecs, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec that the attributes of a batch name in their lowest three bits.
    ///
    /// # Errors
    /// [`Error::UnknownCodec`] for 5, 6 and 7.
    pub fn from_attributes(attributes: i16) -> Result<Self, Error> {
        let number = attributes & crate::header::CODEC_MASK;
        usize::try_from(number)
            .ok()
            .and_then(|at| Self::ALL.get(at).copied())
            .ok_or(Error::UnknownCodec(number))
    }

    /// Decompresses `input` to at most `limit` bytes; borrows when there is nothing to do.
    ///
    /// # Errors
    /// [`Error::Codec`] for damaged data, [`Error::DecompressedTooLarge`] beyond the limit.
    pub fn decompress(self, input: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Self::None => Ok(Cow::Borrowed(input)),
            Self::Gzip => self.drain(flate2::bufread::MultiGzDecoder::new(input), limit),
            Self::Snappy => snappy::decompress(input, limit).map(Cow::Owned),
            Self::Lz4 => self.drain(lz4_flex::frame::FrameDecoder::new(input), limit),
            Self::Zstd => self.drain(zstd_reader(input).map_err(|e| self.damaged(&e))?, limit),
        }
    }

    fn drain<'a>(self, reader: impl Read, limit: usize) -> Result<Cow<'a, [u8]>, Error> {
        let mut output = Vec::new();
        // One byte beyond the limit tells "too large" from "just as large as allowed".
        reader
            .take(limit as u64 + 1)
            .read_to_end(&mut output)
            .map_err(|error| self.damaged(&error))?;
        match output.len() > limit {
            true => Err(Error::DecompressedTooLarge { limit }),
            false => Ok(Cow::Owned(output)),
        }
    }

    pub(crate) fn damaged(self, error: &dyn fmt::Display) -> Error {
        Error::Codec {
            codec: self,
            reason: error.to_string(),
        }
    }
}

impl Compression {
    /// Compresses `input` behind what `output` already holds.
    ///
    /// # Errors
    /// [`Error::Codec`] if the codec refuses, for instance its level.
    pub fn compress(self, input: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
        let result = match self.codec {
            Codec::None => output.write_all(input),
            Codec::Gzip => self.gzip(input, output),
            Codec::Snappy => return snappy::compress(input, output),
            Codec::Lz4 => lz4(input, output),
            Codec::Zstd => self.zstd(input, output),
        };
        result.map_err(|error| self.codec.damaged(&error))
    }

    fn gzip(self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let level = match self.level.map(u32::try_from) {
            Some(Ok(level)) => flate2::Compression::new(level.min(9)),
            _ => flate2::Compression::default(),
        };
        let mut encoder = flate2::write::GzEncoder::new(output, level);
        encoder.write_all(input)?;
        encoder.finish().map(drop)
    }

    fn zstd(self, input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
        let level = self.level.unwrap_or(ZSTD_LEVEL);
        let mut encoder = zstd::stream::write::Encoder::new(output, level)?;
        encoder.write_all(input)?;
        encoder.finish().map(drop)
    }
}

fn lz4(input: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(output);
    encoder.write_all(input)?;
    encoder.finish().map(drop).map_err(io::Error::other)
}

fn zstd_reader(input: &[u8]) -> io::Result<impl Read + '_> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compressed(compression: Compression, input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        compression.compress(input, &mut output).unwrap();
        output
    }

    #[test]
    fn every_codec_gives_back_what_it_took() {
        let input = b"a line of text that repeats itself, ".repeat(5_000);
        for codec in Codec::ALL {
            let packed = compressed(codec.into(), &input);
            assert_eq!(
                codec.decompress(&packed, input.len()).unwrap(),
                input,
                "{codec}"
            );
            assert!(
                codec == Codec::None || packed.len() < input.len() / 5,
                "{codec}"
            );
        }
    }

    #[test]
    fn levels_are_honoured() {
        // Words in an order that only a search finds repetitions in.
        let mut state = 1u32;
        let input: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            format!("word{} ", (state >> 16) % 500).into_bytes()
        })
        .take(20_000)
        .flatten()
        .collect();
        for (codec, low, high) in [(Codec::Gzip, 1, 9), (Codec::Zstd, 1, 19)] {
            let size = |level| {
                compressed(
                    Compression {
                        codec,
                        level: Some(level),
                    },
                    &input,
                )
                .len()
            };
            assert!(size(high) < size(low), "{codec}");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let input = vec![0; 1 << 20];
        for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
            let packed = compressed(codec.into(), &input);
            let limit = (1 << 20) - 1;
            assert_eq!(
                codec.decompress(&packed, limit),
                Err(Error::DecompressedTooLarge { limit }),
                "{codec}"
            );
        }
    }

    #[test]
    fn numbers_and_names_are_kafkas() {
        let names: Vec<String> = Codec::ALL.iter().map(Codec::to_string).collect();
        assert_eq!(names, ["none", "gzip", "snappy", "lz4", "zstd"]);
        for (number, codec) in (0i16..).zip(Codec::ALL) {
            assert_eq!(Codec::from_attributes(number | 0x70), Ok(codec));
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics_nor_exceeds_the_limit(input: Vec<u8>, limit in 0usize..4096) {
            for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
                if let Ok(output) = codec.decompress(&input, limit) {
                    prop_assert!(output.len() <= limit);
                }
            }
        }

        #[test]
        fn any_bytes_survive_every_codec(input: Vec<u8>) {
            for codec in Codec::ALL {
                let packed = compressed(codec.into(), &input);
                prop_assert_eq!(&codec.decompress(&packed, input.len()).unwrap()[..], &input[..]);
            }
        }
    }
}
