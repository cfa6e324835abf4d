//! The table of all connections, and the decision to admit a new one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Plan;
use super::phase::Watch;

/// One in this many connections is closed at a time, because finding the ones to close takes a walk
/// through the table.
const SHARE: usize = 64;

#[derive(Debug)]
struct Entry {
    /// The client's address; `None` for a trusted proxy.
    client: Option<IpAddr>,
    watch: Arc<Watch>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<u64, Entry>,
    by_client: HashMap<IpAddr, usize>,
    next: u64,
}

/// All connections of a server.
#[derive(Debug)]
pub(super) struct Admission {
    plan: Plan,
    table: Mutex<Table>,
    freed: Notify,
}

/// A connection's entry in the table, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    number: u64,
    pub(super) watch: Arc<Watch>,
}

/// An admitted connection with the number of connections that were evicted for it, or a refusal
/// because its client has too many.
pub(super) enum Admitted {
    Yes(Place, usize),
    TooMany,
}

impl Admission {
    pub(super) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self { plan, table: Mutex::default(), freed: Notify::new() })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The number of open connections.
    pub(super) fn open(&self) -> usize {
        self.table().open.len()
    }

    /// Waits until a connection has ended.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// If the table is full, evicts connections: of the clients with the most connections, those
    /// that have waited longest. Returns how many it evicted, or `None` if there is room.
    pub(super) fn make_room(&self, now: Instant) -> Option<usize> {
        let table = self.table();
        if table.open.len() < self.plan.max {
            return None;
        }
        Some(give_up(&table, None, self.plan.max.div_ceil(SHARE), now))
    }

    /// Evicts some connections even if there is room in the table, because the system has no
    /// descriptor left.
    pub(super) fn shed(&self, now: Instant) -> usize {
        let table = self.table();
        give_up(&table, None, table.open.len().div_ceil(SHARE), now)
    }

    /// Admits a connection of `peer`. If its client has reached its limit, the new connection takes
    /// the place of another of the same client. If the server is serving requests on all of these,
    /// it refuses the new one.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr, now: Instant) -> Admitted {
        let trusted = self.plan.trusted_proxies.iter().any(|network| network.contains(peer));
        let client = (!trusted).then(|| client(peer));
        let mut given_up = 0;
        let mut table = self.table();
        if let Some(client) = client {
            let has = table.by_client.get(&client).copied().unwrap_or(0);
            if has >= self.plan.max_per_address {
                given_up = give_up(&table, Some(client), 1, now);
                if given_up == 0 {
                    return Admitted::TooMany;
                }
            }
            *table.by_client.entry(client).or_default() += 1;
        }
        let number = table.next;
        table.next += 1;
        let watch = Arc::new(Watch::new(now));
        table.open.insert(number, Entry { client, watch: watch.clone() });
        drop(table);
        Admitted::Yes(Place { admission: self.clone(), number, watch }, given_up)
    }
}

/// Evicts connections, of one client or of all, until `many` are about to end.
///
/// A connection's rank is the number of the same client's waiting connections that are younger. The
/// highest ranks go first, and among equals the connection that has waited longest. So a client
/// with few connections keeps them while other clients have many.
fn give_up(table: &Table, of: Option<IpAddr>, many: usize, now: Instant) -> usize {
    let entries = || table.open.values().filter(|entry| of.is_none() || entry.client == of);
    let ending = entries().filter(|entry| entry.watch.is_evicted()).count();
    let many = many.saturating_sub(ending);
    let mut waiting: Vec<(Option<IpAddr>, Instant, &Arc<Watch>)> = entries()
        .filter_map(|entry| {
            let since = entry.watch.waits_since(now)?;
            Some((entry.client, since, &entry.watch))
        })
        .collect();
    waiting.sort_unstable_by_key(|(client, since, _)| (*client, std::cmp::Reverse(*since)));
    let mut ranked = Vec::with_capacity(waiting.len());
    let mut last = None;
    let mut rank = 0_usize;
    for (client, since, watch) in waiting {
        // Each connection of a trusted proxy counts as a client of its own.
        rank = if client.is_some() && last == Some(client) { rank + 1 } else { 0 };
        last = Some(client);
        ranked.push((std::cmp::Reverse(rank), since, watch));
    }
    ranked.sort_unstable_by_key(|(rank, since, _)| (*rank, *since));
    ranked.iter().filter(|(.., watch)| watch.evict(now)).take(many).count()
}

/// Identifies a client: by its IPv4 address, or by the /64 of its IPv6 address, because a client
/// that has one address of a /64 has them all.
fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.admission.table();
        if let Some(entry) = table.open.remove(&self.number)
            && let Some(client) = entry.client
            && let Some(has) = table.by_client.get_mut(&client)
        {
            *has = has.saturating_sub(1);
            if *has == 0 {
                table.by_client.remove(&client);
            }
        }
        drop(table);
        self.admission.freed.notify_one();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on panics")]
mod tests {
    use super::super::limits::Connections;
    use super::*;
    use std::time::Duration;

    fn admission(max: usize, max_per_address: usize) -> Arc<Admission> {
        let connections = Connections {
            max: Some(max),
            max_per_address: Some(max_per_address),
            trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
            ..Connections::default()
        };
        Admission::new(connections.plan(None).unwrap())
    }

    fn admit(admission: &Arc<Admission>, peer: &str) -> Option<Place> {
        match admission.admit(peer.parse().unwrap(), Instant::now()) {
            Admitted::Yes(place, _) => Some(place),
            Admitted::TooMany => None,
        }
    }

    async fn is_evicted(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.watch.evicted()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_with_too_many_loses_its_own() {
        let admission = admission(100, 3);
        let mut places = Vec::new();
        for _ in 0..4 {
            places.push(admit(&admission, "198.51.100.1").unwrap());
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        let other = admit(&admission, "198.51.100.2").unwrap();
        assert!(is_evicted(&places[0]).await, "the oldest");
        assert!(!is_evicted(&places[1]).await && !is_evicted(&other).await);
        for place in &places[1..] {
            place.watch.begin();
        }
        places.remove(0);
        assert!(admit(&admission, "198.51.100.1").is_none(), "all three are being served");
        places.remove(0);
        assert!(admit(&admission, "198.51.100.1").is_some());
        let proxies: Vec<_> = (0..20).map(|_| admit(&admission, "192.0.2.9")).collect();
        assert!(proxies.iter().all(Option::is_some), "a trusted proxy has no limit of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_of_one_ipv6_network_and_both_spellings_of_ipv4_are_one_client() {
        let admission = admission(100, 1);
        for (first, second) in
            [("2001:db8::1", "2001:db8::ffff:2"), ("198.51.100.1", "::ffff:198.51.100.1")]
        {
            let kept = admit(&admission, first).unwrap();
            kept.watch.begin();
            assert!(admit(&admission, second).is_none(), "{second}");
        }
        assert_eq!((admission.open(), admission.table().by_client.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_few_keeps_them_while_others_have_many() {
        let admission = admission(128, 128);
        let few = admit(&admission, "198.51.100.1").unwrap();
        tokio::time::advance(Duration::from_millis(10)).await;
        let many: Vec<_> = (0..127).map(|_| admit(&admission, "198.51.100.2").unwrap()).collect();
        many[0].watch.begin();
        assert_eq!(admission.make_room(Instant::now()), Some(2), "128 / 64");
        let mut evicted = 0;
        for place in &many {
            evicted += usize::from(is_evicted(place).await);
        }
        assert_eq!(evicted, 2);
        assert!(!is_evicted(&few).await && !is_evicted(&many[0]).await);
        drop(many);
        assert_eq!(admission.make_room(Instant::now()), None);
        drop(few);
        assert_eq!((admission.open(), admission.table().by_client.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_with_one_each_the_one_that_waited_longest_goes() {
        let admission = admission(4, 4);
        let mut places = Vec::new();
        for host in 1..=4 {
            places.push(admit(&admission, &format!("198.51.100.{host}")).unwrap());
            tokio::time::advance(Duration::from_millis(10)).await;
        }
        places[0].watch.begin();
        places[0].watch.answered();
        assert_eq!(admission.make_room(Instant::now()), Some(1));
        assert!(is_evicted(&places[1]).await, "the first has asked since");
        for place in &places {
            place.watch.begin();
        }
        assert_eq!(admission.make_room(Instant::now()), Some(0), "none that is being served");
    }
}
