//! Snappy in its two Kafka dialects.
//!
//! The Java client and most others write xerial's stream: a 16-byte head, then blocks of `length i32, raw snappy`.
//! librdkafka and some others write one raw block. Both are read; the stream is written, since every client reads it.

use crate::{Codec, Error};

/// Magic, version 1, oldest compatible version 1.
const HEAD: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const MAGIC_LEN: usize = 8;
/// Bytes of input per block, as xerial chooses it.
const BLOCK: usize = 32 * 1024;
/// No snappy element yields more than 64 bytes from 3, so a block claiming more than this many times its size lies.
const MAX_RATIO: usize = 22;

/// Appends `input` to `output` as a xerial stream.
pub(crate) fn compress(input: &[u8], output: &mut Vec<u8>) -> Result<(), Error> {
    let mut encoder = snap::raw::Encoder::new();
    output.extend_from_slice(&HEAD);
    for block in input.chunks(BLOCK) {
        let packed = encoder
            .compress_vec(block)
            .map_err(|error| Codec::Snappy.damaged(&error))?;
        let len = u32::try_from(packed.len()).map_err(|error| Codec::Snappy.damaged(&error))?;
        output.extend_from_slice(&len.to_be_bytes());
        output.extend_from_slice(&packed);
    }
    Ok(())
}

/// Reads either dialect, to at most `limit` bytes.
pub(crate) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let mut output = Vec::new();
    if !input.starts_with(&HEAD[..MAGIC_LEN]) {
        append_block(input, limit, &mut output)?;
        return Ok(output);
    }
    let mut blocks = input.get(HEAD.len()..).ok_or(Error::Truncated {
        needed: HEAD.len(),
        available: input.len(),
    })?;
    while !blocks.is_empty() {
        append_block(take_block(&mut blocks)?, limit, &mut output)?;
    }
    Ok(output)
}

fn take_block<'a>(input: &mut &'a [u8]) -> Result<&'a [u8], Error> {
    let available = input.len();
    let cut_short = |needed| Error::Truncated { needed, available };
    let (len, rest) = input.split_first_chunk().ok_or(cut_short(4))?;
    let len = u32::from_be_bytes(*len) as usize;
    let (block, rest) = rest
        .split_at_checked(len)
        .ok_or(cut_short(len.saturating_add(4)))?;
    *input = rest;
    Ok(block)
}

fn append_block(block: &[u8], limit: usize, output: &mut Vec<u8>) -> Result<(), Error> {
    let damaged = |error| Codec::Snappy.damaged(&error);
    let len = snap::raw::decompress_len(block).map_err(damaged)?;
    if len > limit.saturating_sub(output.len()) {
        return Err(Error::DecompressedTooLarge { limit });
    }
    if len > block.len().saturating_mul(MAX_RATIO) {
        return Err(Codec::Snappy.damaged(&"a block claims more bytes than it can hold"));
    }
    let start = output.len();
    output.resize(start + len, 0);
    let written = snap::raw::Decoder::new()
        .decompress(block, &mut output[start..])
        .map_err(damaged)?;
    output.truncate(start + written);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_blocks_are_read() {
        let input = b"raw snappy as librdkafka writes it".repeat(10);
        let raw = snap::raw::Encoder::new().compress_vec(&input).unwrap();
        assert_eq!(decompress(&raw, input.len()), Ok(input));
    }

    #[test]
    fn streams_of_several_blocks_are_read() {
        let input: Vec<u8> = (0..3 * BLOCK + 17).map(|n| (n % 251) as u8).collect();
        let mut stream = Vec::new();
        compress(&input, &mut stream).unwrap();
        assert!(stream.starts_with(&HEAD));
        assert_eq!(decompress(&stream, input.len()), Ok(input));
    }

    #[test]
    fn a_lying_block_allocates_nothing() {
        // The preamble of a raw block is its decompressed length as a varint: 2^31 here, in a block of 8 bytes.
        let lie = [0x80, 0x80, 0x80, 0x80, 0x08, 0, 0, 0];
        assert!(matches!(
            decompress(&lie, usize::MAX),
            Err(Error::Codec { .. })
        ));
    }

    #[test]
    fn every_truncation_of_a_stream_is_an_error() {
        let mut stream = Vec::new();
        compress(b"some text, some text, some text", &mut stream).unwrap();
        for len in MAGIC_LEN..stream.len() {
            let cut = decompress(&stream[..len], 1_000);
            assert!(cut.is_err() || len == HEAD.len(), "{len}");
        }
    }
}
