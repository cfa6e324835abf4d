//! Many keys at once: `portcullis keys create --count`.

use std::io::{self, BufWriter, Write};

use anyhow::{Context as _, Result};
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{Minted, NewKey};
use serde::Serialize;

use crate::args::Lines;
use crate::exit::Exit;
use crate::output::progress;

/// Creates `count` keys like `new`, with one transaction for each `batch`. Committed keys have been
/// written to standard output, or are written next.
pub(super) async fn create_many(
    issuer: &Issuer,
    new: &NewKey,
    count: u64,
    batch: u32,
    format: Lines,
) -> Result<Exit> {
    let bar = progress(count);
    let mut out = BufWriter::new(io::stdout().lock());
    if format == Lines::Csv {
        writeln!(out, "id,token,title")?;
    }
    let mut done = 0;
    while done < count {
        let end = count.min(done.saturating_add(u64::from(batch)));
        let titled = |number: u64| NewKey {
            title: new.title.replace("{n}", &number.to_string()),
            ..new.clone()
        };
        let news: Vec<NewKey> = (done + 1..=end).map(titled).collect();
        let made = issuer.keys().create_all(&news, None).await;
        let made = made.with_context(|| format!("{done} of {count} keys were created"))?;
        for minted in &made.keys {
            write(&mut out, format, minted)?;
        }
        out.flush().with_context(|| {
            format!("{end} keys were created; those after the {done}. could not be written")
        })?;
        done = end;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    Ok(Exit::Done)
}

/// A new key as a line.
#[derive(Serialize)]
struct LineAnswer<'a> {
    id: &'a str,
    title: &'a str,
    token: &'a str,
}

fn write(out: &mut impl Write, format: Lines, minted: &Minted) -> Result<()> {
    let (id, title, token) = (&minted.record.id, &minted.record.title, minted.token.as_str());
    match format {
        Lines::Jsonl => {
            writeln!(out, "{}", serde_json::to_string(&LineAnswer { id, title, token })?)?;
        }
        Lines::Csv => {
            let mut line = csv::WriterBuilder::new().from_writer(&mut *out);
            line.write_record([id, token, title])?;
            line.flush()?;
        }
    }
    Ok(())
}
