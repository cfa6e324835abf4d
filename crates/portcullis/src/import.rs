//! `portcullis import`.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use portcullis_issuer::Issuer;
use portcullis_issuer::import::{self, Format, Line, LineView, Reader};

use super::args::Lines;
use super::exit::Exit;
use super::output::{Out, progress};

/// Create a key for each record of another system. A repeated import continues after the last one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis import old-keys.csv > new-keys.jsonl\n  \
                        portcullis import old-keys.jsonl --strict --format csv > new-keys.csv\n\n\
                        Columns: title; and external_id, kind, environment, algorithm, label (- for none), owner, \
                        policy, expires_at, never_expires, metadata, sales_channels (between semicolons), created_by.")]
pub(crate) struct Import {
    /// The file: .csv with a header line, or .jsonl with an object in each line
    file: PathBuf,
    /// The file's format [default: from its extension]
    #[arg(long, value_name = "FORMAT")]
    from: Option<Lines>,
    /// The format of the new keys on standard output, one in each line
    #[arg(long, default_value = "jsonl")]
    format: Lines,
    /// Import nothing if any line is invalid
    #[arg(long)]
    strict: bool,
    /// Also write the keys that an earlier import created for these records
    #[arg(long)]
    again: bool,
    /// The number of lines in one transaction
    #[arg(long, value_name = "N", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
    /// The person that you act for, for lines without created_by
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

#[derive(Default)]
struct Counts {
    made: u64,
    before: u64,
    deleted: u64,
    bad: u64,
}

impl Counts {
    fn count(&mut self, status: &str) {
        match status {
            "made" => self.made += 1,
            "before" => self.before += 1,
            "deleted" => self.deleted += 1,
            _ => self.bad += 1,
        }
    }
}

impl Import {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let file = std::fs::read(&self.file)
            .with_context(|| format!("{} could not be read", self.file.display()))?;
        let format = self.from()?;
        let read = || {
            let reader = Reader::new(format, &file, self.by.as_deref());
            reader.map_err(|error| anyhow!("{}: {error}", self.file.display()))
        };
        // First pass: count the lines, and with `--strict` report every bad one before anything is
        // imported.
        let mut total = 0;
        let mut bad = 0_u64;
        for line in read()? {
            total += 1;
            if self.strict
                && let Err(error) = &line.record
            {
                bad += 1;
                self.tell(out, line.number, error);
            }
        }
        if bad > 0 {
            bail!("{bad} lines are bad; nothing was imported");
        }
        let mut counts = Counts::default();
        let bar = progress(total);
        let mut stdout = BufWriter::new(io::stdout().lock());
        if self.format == Lines::Csv {
            writeln!(stdout, "line,external_id,id,token")?;
        }
        // Second pass: one transaction for each batch. The new keys of a batch are flushed before
        // the next batch begins.
        let mut reader = read()?;
        loop {
            let size = usize::try_from(self.batch).unwrap_or(usize::MAX);
            let lines: Vec<Line> = reader.by_ref().take(size).collect();
            if lines.is_empty() {
                break;
            }
            let many = lines.len() as u64;
            let done = import::import(issuer, lines).await;
            let done = done.context("the import stopped; run it again to go on")?;
            for done in &done {
                let view = done.view();
                if view.status == "bad" {
                    bar.suspend(|| self.tell(out, view.line, view.error.unwrap_or("is bad")));
                }
                counts.count(view.status);
                if view.status == "made" || (self.again && view.status == "before") {
                    self.write(&mut stdout, &view)?;
                }
            }
            let again = "the new keys could not be written; run it again with --again";
            stdout.flush().context(again)?;
            bar.inc(many);
        }
        bar.finish_and_clear();
        let Counts { made, before, deleted, bad } = counts;
        out.note(&format!(
            "{made} imported, {before} were before, {deleted} were deleted since, {bad} lines are bad"
        ));
        if before > 0 && !self.again {
            out.note("--again writes the keys of those that were imported before, too");
        }
        Ok(if bad == 0 { Exit::Done } else { Exit::Unfinished })
    }

    fn from(&self) -> Result<Format> {
        let by_name = match self.file.extension().and_then(|end| end.to_str()) {
            Some("csv") => Some(Lines::Csv),
            Some("jsonl" | "ndjson") => Some(Lines::Jsonl),
            Some(_) | None => None,
        };
        match self.from.or(by_name) {
            Some(Lines::Csv) => Ok(Format::Csv),
            Some(Lines::Jsonl) => Ok(Format::Jsonl),
            None => bail!("the file's name ends neither in .csv nor in .jsonl: say it with --from"),
        }
    }

    fn tell(&self, out: &Out, line: u64, error: &str) {
        out.error("bad_line", &format!("{}, line {line}: {error}", self.file.display()));
    }

    fn write(&self, out: &mut impl io::Write, view: &LineView<'_>) -> Result<()> {
        match self.format {
            Lines::Jsonl => writeln!(out, "{}", serde_json::to_string(view)?)?,
            Lines::Csv => {
                let mut line = csv::WriterBuilder::new().from_writer(&mut *out);
                let (external, id, token) = (view.external_id, view.id, view.token);
                let number = view.line.to_string();
                let texts = [external, id, token].map(Option::unwrap_or_default);
                line.write_field(number)?;
                line.write_record(texts)?;
                line.flush()?;
            }
        }
        Ok(())
    }
}
