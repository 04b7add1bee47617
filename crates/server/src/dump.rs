//! Prints what is in a file of a data directory, as text or as JSON lines.

mod line;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use millstream_store::inspect::{self, Contents, IndexEntry};
use millstream_store::scan::{BatchRef, DECOMPRESSED_LIMIT, Marker, Piece, Scan};

use crate::error::Error;
use line::Line;

/// What to print, and how.
#[derive(Debug, Args)]
pub(crate) struct DumpArgs {
    /// A segment (.log), or an .index, .aborted, .snapshot, .journal, checkpoint, compaction or clean file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the records of each batch, too.
    #[arg(long)]
    records: bool,
    /// Begin with the batch that holds this offset, or the next there is.
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: i64,
    /// One JSON object for each line; bytes that are not UTF-8 become {"hex": "…"}.
    #[arg(long)]
    json: bool,
}

/// Prints the file; the exit code is 1 if anything in it is damaged.
///
/// # Errors
/// When it cannot be read, or is not what its name says.
pub(crate) fn run(args: &DumpArgs) -> Result<ExitCode, Error> {
    let contents = inspect::open(&args.file)?;
    let mut printer = Printer {
        out: BufWriter::new(io::stdout().lock()),
        args,
        damaged: false,
    };
    let printed = printer.contents(contents);
    match printed.and_then(|()| printer.out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Error::Print(error)),
        Ok(()) => Ok(ExitCode::from(u8::from(printer.damaged))),
    }
}

struct Printer<'a, W> {
    out: W,
    args: &'a DumpArgs,
    /// Whether anything was.
    damaged: bool,
}

impl<W: Write> Printer<'_, W> {
    fn contents(&mut self, contents: Contents) -> io::Result<()> {
        match contents {
            Contents::Segment(scan) => self.segment(scan),
            Contents::Index { entries, unread } => self.index(&entries, unread),
            Contents::Checkpoint { log_start, epochs } => {
                self.line(&Line::checkpoint(log_start))?;
                let mut epochs = epochs.into_iter();
                epochs.try_for_each(|(epoch, start)| self.line(&Line::epoch(epoch, start)))
            }
            Contents::RecoveryPoint(producers) => producers
                .iter()
                .try_for_each(|producer| self.line(&Line::producer(producer))),
            Contents::Aborted(transactions) => transactions
                .iter()
                .try_for_each(|aborted| self.line(&Line::aborted(aborted))),
            Contents::Compaction {
                clean_to,
                generation,
                replaced,
            } => {
                self.line(&Line::compaction(clean_to, generation))?;
                let mut replaced = replaced.iter();
                replaced.try_for_each(|file| self.line(&Line::replaced(file)))
            }
            Contents::Journal(parts) => {
                let mut parts = parts.iter();
                parts.try_for_each(|part| self.line(&Line::journal_part(part)))
            }
            Contents::Clean => self.line(&Line::clean()),
        }
    }

    fn segment(&mut self, mut scan: Scan) -> io::Result<()> {
        while let Some(piece) = scan.next_piece()? {
            match piece {
                Piece::Batch { batch, .. } if batch.header.last_offset() < self.args.from => {}
                Piece::Batch { position, batch } => {
                    self.line(&Line::batch(position, &batch.header))?;
                    if let Ok(Some(marker)) = Marker::of(batch) {
                        self.line(&Line::marker(batch.header.base_offset, &marker))?;
                    }
                    if self.args.records {
                        self.records(position, &batch)?;
                    }
                }
                Piece::Damage(damage) => self.damage(&Line::damage(&damage))?,
            }
        }
        Ok(())
    }

    fn records(&mut self, position: u64, batch: &BatchRef<'_>) -> io::Result<()> {
        let records = match batch.records(DECOMPRESSED_LIMIT) {
            Ok(records) => records,
            Err(reason) => return self.damage(&Line::unreadable(position, &reason)),
        };
        for record in &records {
            match record {
                Ok(record) if record.offset < self.args.from => {}
                Ok(record) => self.line(&Line::record(&record))?,
                Err(reason) => self.damage(&Line::unreadable(position, &reason))?,
            }
        }
        Ok(())
    }

    fn index(&mut self, entries: &[IndexEntry], unread: u64) -> io::Result<()> {
        let name = self.args.file.file_name().and_then(|name| name.to_str());
        let base = name.and_then(|name| name.split('.').next()?.parse().ok());
        let base = base.unwrap_or(0);
        for entry in entries {
            self.line(&Line::index_entry(base, entry))?;
        }
        match unread {
            0 => Ok(()),
            bytes => self.damage(&Line::unread(bytes)),
        }
    }

    fn damage(&mut self, line: &Line) -> io::Result<()> {
        self.damaged = true;
        self.line(line)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        match self.args.json {
            true => writeln!(self.out, "{}", line.to_json()),
            false => writeln!(self.out, "{line}"),
        }
    }
}
