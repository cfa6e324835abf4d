//! Reads records: one, or a page of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::actions::{Criteria, Order};
use crate::context::Context;
use crate::error::Error;
use crate::store::bulk::{self, EffectiveKey};
use crate::store::listing::{self, Place};
use crate::store::{self, keys};

/// The longest search text, in characters.
const MAX_Q_CHARS: usize = 255;

/// A listing's filter, order and page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The filter.
    pub criteria: Criteria,
    /// The sort key.
    pub order: Order,
    /// Reverses the order, so that the oldest, or A, comes first.
    pub ascending: bool,
    /// The page size, 1 to 200; 50 by default.
    pub limit: Option<u32>,
    /// The cursor that the previous page returned.
    pub cursor: Option<String>,
    /// Whether to count all matches, which takes longer the more there are.
    pub count: bool,
}

/// A page of records.
#[derive(Clone, Debug)]
pub struct Page {
    /// The keys.
    pub keys: Vec<EffectiveKey>,
    /// The cursor of the next page, if there is one.
    pub next_cursor: Option<String>,
    /// The number of matches on all pages, if requested.
    pub count: Option<u64>,
}

/// The record of the key with this id.
pub(crate) async fn show(context: &Context, id: &str) -> Result<EffectiveKey, Error> {
    let mut reading = context.store().read().await?;
    let record = keys::find(&mut reading, id).await?.ok_or(Error::NotFound)?;
    Ok(bulk::effective(&mut reading, record).await?)
}

/// A page of records. A key that doesn't change between pages appears on exactly one.
pub(crate) async fn list_keys(context: &Context, query: &Query) -> Result<Page, Error> {
    const MAX: u32 = 200;
    let limit = query.limit.unwrap_or(50);
    if !(1..=MAX).contains(&limit) {
        return Err(Error::Invalid { field: "limit", reason: "must be 1 to 200" });
    }
    check_criteria(&query.criteria)?;
    let order = (query.order, !query.ascending);
    let after = match &query.cursor {
        None => None,
        Some(cursor) => {
            let reason = "must be the `next_cursor` of the page before, in the same order";
            let place = read_cursor(cursor, order);
            Some(place.ok_or(Error::Invalid { field: "cursor", reason })?)
        }
    };
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?.secs();
    // Read one more than requested to see whether there is another page.
    let more = limit.saturating_add(1);
    let mut placed =
        listing::list(&mut reading, &query.criteria, order, after.as_ref(), more, now).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = placed.len() > wanted;
    placed.truncate(wanted);
    let last = placed.last().filter(|_| more);
    let next_cursor = last.map(|last| write_cursor(&last.place(query.order), order));
    let count = if query.count {
        Some(listing::count(&mut reading, &query.criteria, now).await?)
    } else {
        None
    };
    let records = placed.into_iter().map(|placed| placed.key).collect();
    let keys = bulk::effective_all(&mut reading, records).await?;
    Ok(Page { keys, next_cursor, count })
}

/// Checks the criteria of a listing or a bulk change.
pub(super) fn check_criteria(criteria: &Criteria) -> Result<(), Error> {
    if let Some(q) = &criteria.q
        && (q.is_empty() || q.chars().count() > MAX_Q_CHARS)
    {
        return Err(Error::Invalid { field: "q", reason: "must be 1 to 255 characters" });
    }
    if criteria.ids.len() > 200 {
        return Err(Error::Invalid { field: "id", reason: "must be 200 ids at most" });
    }
    Ok(())
}

/// Encodes a cursor: the place of the last key in its order, as JSON in Base64.
fn write_cursor(place: &Place, (order, descending): (Order, bool)) -> String {
    let (value, seq) = match place {
        Place::Created { seq } => (String::new(), seq),
        Place::Updated { at_ms, seq } => (at_ms.to_string(), seq),
        Place::Title { folded, seq } => (folded.clone(), seq),
    };
    let json = serde_json::json!([order.name(), descending, seq, value]).to_string();
    URL_SAFE_NO_PAD.encode(json)
}

fn read_cursor(text: &str, (order, descending): (Order, bool)) -> Option<Place> {
    let json = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (name, direction, seq, value): (String, bool, i64, String) =
        serde_json::from_slice(&json).ok()?;
    if name != order.name() || direction != descending {
        return None;
    }
    Some(match order {
        Order::Created => Place::Created { seq },
        Order::Updated => Place::Updated { at_ms: value.parse().ok()?, seq },
        Order::Title => Place::Title { folded: value, seq },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursors_are_read_back_in_their_own_order_alone(
            seq: i64, at_ms: i64, folded in ".*", descending: bool,
        ) {
            for (place, order) in [
                (Place::Created { seq }, Order::Created),
                (Place::Updated { at_ms, seq }, Order::Updated),
                (Place::Title { folded, seq }, Order::Title),
            ] {
                let cursor = write_cursor(&place, (order, descending));
                for other in Order::ALL {
                    let read = read_cursor(&cursor, (other, descending));
                    prop_assert_eq!(read, (other == order).then(|| place.clone()));
                }
                prop_assert_eq!(read_cursor(&cursor, (order, !descending)), None);
            }
        }

        #[test]
        fn any_text_is_a_cursor_or_none(text in ".*") {
            for order in Order::ALL {
                let _ = read_cursor(&text, (order, true));
            }
        }
    }
}
