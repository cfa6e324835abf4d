//! `portcullis list show`, which `publish` shows as well.

use anyhow::Result;
use portcullis_api::view::ListView;
use portcullis_api::view::status_lists::StatusListsView;
use portcullis_api::view::targets::{ListAnswer, target_views};
use portcullis_issuer::Issuer;
use portcullis_issuer::time_format::rfc3339_millis;

use super::answer::{write_list_version, write_targets};
use crate::exit::Exit;
use crate::output::{Out, field, table};

pub(super) async fn show(issuer: &Issuer, out: &Out) -> Result<Exit> {
    let now = issuer.now();
    let (published, shards) = issuer.list().overview().await?;
    let answer = ListAnswer {
        list: ListView::new(&published, &shards, now),
        targets: target_views(&issuer.list().targets().await?, &published),
        status_lists: StatusListsView::of(issuer).await?,
    };
    out.answer(&answer, |o| {
        let view = &answer.list;
        write_list_version(o, &view.list_version)?;
        if view.expired {
            field(
                o,
                "Expired",
                "yes: nothing is accepted any more; run `portcullis list publish`",
            )?;
        }
        field(o, "Head", &view.head)?;
        writeln!(o)?;
        let mut rows =
            vec![["SHARD", "COVERED", "ISSUED", "REVOKED", "TIMED", "BYTES"].map(String::from)];
        rows.extend(view.shards.iter().map(|shard| {
            let counts = [shard.shard, shard.capacity, shard.issued, shard.revoked, shard.timed];
            let [number, capacity, issued, revoked, timed] = counts.map(|count| count.to_string());
            [number, capacity, issued, revoked, timed, shard.body_len.to_string()]
        }));
        table(o, &rows)?;
        let usable = shards.iter().filter(|shard| shard.room() > 0 && !shard.is_open(now));
        for shard in usable {
            let when = shard.usable.map_or_else(|| "the next list".into(), rfc3339_millis);
            writeln!(o, "Serials of shard {} are used from {when} on", shard.shard)?;
        }
        writeln!(o)?;
        write_targets(o, &answer.targets)
    })?;
    Ok(Exit::Done)
}
