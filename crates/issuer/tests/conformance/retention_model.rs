//! Random retention: whatever is appended, removed and exported verifies as one chain, and every
//! alteration in between, in the database or in the files, is detected.

use std::path::PathBuf;

use portcullis_core::issue::{ListSigner, SigningKey};
use portcullis_issuer::events::{Anchor, ExportLine, Retention, Start};
use portcullis_issuer::store::retention;
use portcullis_test_support::Bench;

use crate::retention::{DAY, fill, keep, trim};

conformance! {
    whatever_is_appended_removed_and_exported_verifies_and_what_is_altered_is_found,
}

/// Reproducible random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 24) % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// The result of a check: whether it is sound, its first event, and the number of events.
type Seen = (bool, Option<i64>, u64);

async fn check(bench: &Bench, files: &[PathBuf], anchor: Anchor) -> Seen {
    let report = bench.issuer.trail().verify_behind(files, &[anchor]).await.unwrap();
    (report.is_sound(), report.first, report.events)
}

async fn run(bench: &Bench, statements: &[String]) {
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    for sql in statements {
        let sql = sqlx::AssertSqlSafe(sql.clone());
        sqlx::query(sql).execute(&mut *writing).await.unwrap();
    }
    writing.save().await.unwrap();
}

/// Random ways to alter the database, each with the statements that undo it.
async fn alter_database(bench: &Bench, dice: &mut Dice) -> (String, Vec<String>, Vec<String>) {
    let issuer = &bench.issuer;
    let kept = issuer.trail().after(0, 5_000).await.unwrap();
    let one = &kept[dice.below(kept.len())];
    let two = &kept[dice.below(kept.len())];
    let (a, b) = (one.id, two.id);
    let kind = dice.below(5);
    let (does, undoes) = match kind {
        0 => (
            vec![format!("UPDATE events SET id = -id WHERE id = {a}")],
            vec![format!("UPDATE events SET id = -id WHERE id = -{a}")],
        ),
        1 => (
            vec![format!("UPDATE events SET data = data || ' ' WHERE id = {a}")],
            vec![format!(
                "UPDATE events SET data = substr(data, 1, length(data) - 1) WHERE id = {a}"
            )],
        ),
        2 => (
            vec![format!("UPDATE events SET at_ms = at_ms - 86400000 WHERE id = {a}")],
            vec![format!("UPDATE events SET at_ms = at_ms + 86400000 WHERE id = {a}")],
        ),
        3 => {
            let other = if a == b { kept.last().unwrap().id } else { b };
            let swap = vec![
                format!("UPDATE events SET id = -{a} WHERE id = {a}"),
                format!("UPDATE events SET id = {a} WHERE id = {other} AND id <> {a}"),
                format!("UPDATE events SET id = {other} WHERE id = -{a}"),
            ];
            (if other == a { Vec::new() } else { swap.clone() }, swap)
        }
        // Cut off everything up to one event, with a start behind it that the issuer did not sign;
        // the start is written below.
        _ => (
            vec![format!("UPDATE events SET id = -id WHERE id <= {a}")],
            vec!["UPDATE events SET id = -id WHERE id < 0".to_owned()],
        ),
    };
    (format!("{kind} at {a}, {b}"), does, undoes)
}

pub(crate) async fn whatever_is_appended_removed_and_exported_verifies_and_what_is_altered_is_found(
    bench: Bench,
) {
    let mut dice = Dice(0x5eed_0000_0000_0017);
    let archive = bench.folder.path().join("archive");
    std::fs::create_dir(&archive).unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    let (mut removals, mut found, mut in_files) = (0, 0, 0);
    for step in 0..50 {
        match dice.below(4) {
            0 | 1 => fill(&bench, 1 + dice.below(30)).await,
            2 => {
                bench.clock.advance(DAY * u64::try_from(3 + dice.below(9)).unwrap());
                bench.issuer.list().publish().await.unwrap();
            }
            _ => {
                let days = u64::try_from(7 + dice.below(3)).unwrap();
                let retention = Retention { archive: Some(archive.clone()), ..keep(days) };
                let done = trim(&bench.issuer, &retention).await.unwrap();
                removals += u64::from(done.removed > 0);
                files.extend(done.files);
            }
        }
        let newest = bench.issuer.trail().verify(&[]).await.unwrap();
        assert_eq!(newest.findings, [], "step {step}");
        let anchor = newest.newest.unwrap();
        // Files that reach beyond the removed events are accepted as well.
        let live = bench.folder.path().join("live.jsonl");
        let kept = bench.issuer.trail().after(0, 5_000).await.unwrap();
        let lines = kept.iter().take(1 + dice.below(kept.len()));
        let lines = lines.map(|event| serde_json::to_string(&ExportLine::from(event)).unwrap());
        std::fs::write(&live, lines.collect::<Vec<_>>().join("\n")).unwrap();
        let with_live = [files.as_slice(), &[live]].concat();
        let all = u64::try_from(anchor.id).unwrap();
        for files in [&files, &with_live] {
            assert_eq!(check(&bench, files, anchor).await, (true, Some(1), all), "step {step}");
        }

        // Alter the database.
        let (what, does, undoes) = alter_database(&bench, &mut dice).await;
        let start = bench.issuer.trail().start().await.unwrap();
        let held = retention::start(&mut bench.issuer.store().read().await.unwrap()).await.unwrap();
        if !does.is_empty() {
            run(&bench, &does).await;
            let forged = what.starts_with('4').then_some(start).flatten();
            if let Some(start) = forged {
                let gone =
                    kept.iter().rev().find(|event| what.contains(&format!("at {},", event.id)));
                let gone = gone.unwrap();
                let last = Anchor { id: gone.id, digest: gone.digest };
                let key = SigningKey::from_seed(&[3; 32]);
                let signer = ListSigner { issuer: start.issuer, kid: start.kid, key };
                let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
                let file = Start { last, ..start }.sign(&signer);
                retention::set_start(&mut writing, &file).await.unwrap();
                writing.save().await.unwrap();
            }
            assert!(!check(&bench, &files, anchor).await.0, "step {step}: {what}");
            assert!(!check(&bench, &[], anchor).await.0, "step {step}: {what}");
            found += 1;
            run(&bench, &undoes).await;
            if let (Some(_), Some(held)) = (forged, &held) {
                let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
                retention::set_start(&mut writing, held).await.unwrap();
                writing.save().await.unwrap();
            }
        }
        if let Some(held) = &held {
            run(&bench, &["DELETE FROM trail_start".to_owned()]).await;
            assert!(!check(&bench, &files, anchor).await.0, "step {step}: without a start");
            let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
            retention::set_start(&mut writing, held).await.unwrap();
            writing.save().await.unwrap();
        }

        // Alter a file.
        if !files.is_empty() {
            let which = dice.below(files.len());
            let text = std::fs::read_to_string(&files[which]).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let at = dice.below(lines.len());
            match dice.below(4) {
                0 => drop(lines.remove(at)),
                1 => lines[at] = lines[at].replacen("\"at_ms\":1", "\"at_ms\":3", 1),
                2 => lines[at] = lines[at].replacen("\"data\":\"{", "\"data\":\"{ ", 1),
                _ => {
                    let other = dice.below(lines.len());
                    lines.swap(at, other);
                }
            }
            let changed = lines.join("\n") + "\n";
            if changed != text {
                let altered = bench.folder.path().join("altered.jsonl");
                std::fs::write(&altered, changed).unwrap();
                let mut files = files.clone();
                files[which] = altered;
                let seen = check(&bench, &files, anchor).await;
                assert_ne!(seen, (true, Some(1), all), "step {step}: line {at} of file {which}");
                files.remove(which);
                let seen = check(&bench, &files, anchor).await;
                assert_ne!(seen, (true, Some(1), all), "step {step}: without file {which}");
                in_files += 1;
            }
        }
        let seen = check(&bench, &files, anchor).await;
        assert_eq!(seen, (true, Some(1), all), "step {step}: all is as it was");
    }
    assert!(removals > 4 && found > 40 && in_files > 20, "{removals} {found} {in_files}");
}
