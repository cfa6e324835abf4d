//! The time of a page, a search and a revocation with ten thousand keys and with a million.

use anyhow::{Context as _, Result};
use portcullis_issuer::actions::{Criteria, NewKey, Order, Query, Revocation, When};

use crate::{Place, Samples};

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;

pub(crate) async fn measure(samples: &mut Samples, quick: bool) -> Result<()> {
    let (mut few, mut many) = (Place::new().await?, Place::new().await?);
    few.issue(FEW).await?;
    many.use_new_shards().await?;
    many.issue(if quick { 10 * FEW } else { MANY }).await?;
    for place in [&few, &many] {
        // A warm-up, so that statements are prepared.
        weigh(place, ["", "", "", ""], &mut Samples::default()).await?;
    }
    for round in 0..if quick { 5 } else { 21 } {
        let among_few = ["page, few", "page by title, few", "search, few", "revoke, few"];
        let among_many = ["page, many", "page by title, many", "search, many", "revoke, many"];
        if round % 2 == 0 {
            weigh(&few, among_few, samples).await?;
            weigh(&many, among_many, samples).await?;
        } else {
            weigh(&many, among_many, samples).await?;
            weigh(&few, among_few, samples).await?;
        }
    }
    Ok(())
}

async fn weigh(place: &Place, names: [&'static str; 4], samples: &mut Samples) -> Result<()> {
    let [page, by_title, search, revoke] = names;
    let list = async |query: Query| Ok(place.issuer.keys().list(&query).await?.keys);
    let keys = samples.time(page, 1, list(Query::default())).await?;
    let one = keys.get(keys.len() / 2).context("a page of keys")?;
    let query = Query { order: Order::Title, ascending: true, ..Query::default() };
    samples.time(by_title, 1, list(query)).await?;
    let criteria = Criteria { q: Some(one.redacted.clone()), ..Criteria::default() };
    let query = Query { criteria, ..Query::default() };
    let found = samples.time(search, 1, list(query)).await?;
    found.iter().find(|key| key.id == one.id).context("the key that was searched for")?;
    let key = place.issuer.keys().create(&NewKey::titled("One")).await?.record;
    let revocation = Revocation { when: When::Now, by: None };
    let act = async { Ok(place.issuer.keys().revoke(&key.id, &revocation).await?.published()?) };
    samples.time(revoke, 1, act).await?;
    Ok(())
}
