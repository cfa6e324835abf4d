//! A request with an idempotency key is executed once, however often it is sent.

use std::time::Duration;

use portcullis_core::token::{Algorithm, Kind};
use portcullis_issuer::Error;
use portcullis_issuer::actions::{Creation, Idempotency, NewKey, Query, Roll, Rolled, When};
use portcullis_test_support::Bench;

conformance! {
    a_repeated_create_gives_the_same_keys,
    a_repeated_roll_gives_the_same_key,
    a_repeated_roll_needs_both_keys,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn publishable(channels: &[&str]) -> NewKey {
    let sales_channels = channels.iter().map(ToString::to_string).collect();
    NewKey { kind: Kind::Publishable, sales_channels, ..NewKey::titled("Shop") }
}

pub(crate) async fn a_repeated_create_gives_the_same_keys(bench: Bench) {
    let name = Idempotency::new("me", "order 1");
    let new = [
        NewKey { expires: Some(When::In(secs(1_000_000))).into(), ..NewKey::titled("a") },
        publishable(&["web"]),
        NewKey { algorithm: Some(Algorithm::Ed25519), ..NewKey::titled("b") },
    ];
    let first = bench.issuer.keys().create_all(&new, Some(&name)).await.unwrap();
    bench.clock.advance(60_000);
    // Repeats return the same keys, also concurrently.
    let tokens =
        |made: &Creation| made.keys.iter().map(|key| key.token.to_string()).collect::<Vec<_>>();
    let repeats = (0..4).map(|_| bench.issuer.keys().create_all(&new, Some(&name)));
    for repeat in futures(repeats).await {
        let repeat = repeat.unwrap();
        assert!(repeat.repeated);
        assert_eq!(tokens(&repeat), tokens(&first));
        assert_eq!(repeat.keys[1].record, first.keys[1].record);
    }
    // Another body is refused; another scope or an expired window makes new keys.
    let other = bench.issuer.keys().create_all(&new[..1], Some(&name)).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)));
    let elsewhere = Idempotency::new("you", "order 1");
    assert!(!bench.issuer.keys().create_all(&new, Some(&elsewhere)).await.unwrap().repeated);
    bench.clock.advance(24 * 60 * 60 * 1000);
    bench.issuer.list().publish().await.unwrap();
    let late = bench.issuer.keys().create_all(&new, Some(&name)).await.unwrap();
    assert!(!late.repeated);
    assert_ne!(tokens(&late), tokens(&first));

    // Concurrent first requests make the keys only once.
    let fresh = Idempotency::new("me", "order 2");
    let at_once = (0..4).map(|_| bench.issuer.keys().create_all(&new[..1], Some(&fresh)));
    let made = futures(at_once).await;
    let made: Vec<Creation> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|made| !made.repeated).count(), 1);
    assert!(made.windows(2).all(|pair| tokens(&pair[0]) == tokens(&pair[1])));
    // A repeat after the key's deletion can't return it.
    bench.revoke(&made[0].keys[0].record.id, When::Now).await.unwrap();
    let id = made[0].keys[0].record.id.clone();
    bench.issuer.keys().delete(&[id], None).await.unwrap();
    let gone = bench.issuer.keys().create_all(&new[..1], Some(&fresh)).await;
    assert!(matches!(gone, Err(Error::NoSuchKeys(_))));
}

/// Awaits all futures concurrently.
async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        let ready = done.iter().all(Option::is_some);
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().map(Option::unwrap).collect()
}

pub(crate) async fn a_repeated_roll_gives_the_same_key(bench: Bench) {
    for new in [NewKey::titled("a"), publishable(&["web"])] {
        let old = bench.issuer.keys().create(&new).await.unwrap().record;
        let name = Idempotency::new("me", &format!("roll {}", old.kind.name()));
        let roll = Roll { overlap: secs(60), by: Some("me".into()), ..Roll::default() };
        let send = async |roll: Roll| {
            let rolled = bench.issuer.keys().roll_once(&old.id, &roll, Some(&name)).await;
            rolled.map(|rolled| {
                assert!(rolled.publication.list().is_some());
                rolled.value
            })
        };
        // Concurrently, and then one after the other once the old key has ended.
        let at_once = futures((0..4).map(|_| send(roll.clone()))).await;
        let mut made: Vec<Rolled> = at_once.into_iter().map(Result::unwrap).collect();
        assert_eq!(made.iter().filter(|made| !made.repeated).count(), 1);
        bench.clock.advance(61_000);
        made.push(send(roll.clone()).await.unwrap());
        let first = made.iter().find(|made| !made.repeated).unwrap();
        for repeat in &made {
            assert_eq!(repeat.minted.token, first.minted.token);
            assert_eq!(repeat.minted.record, first.minted.record);
            assert_eq!(repeat.old, first.old);
        }
        let keys = bench.issuer.keys().list(&Query::default()).await.unwrap().keys;
        let successors = keys.iter().filter(|key| key.rolled_from.as_ref() == Some(&old.id));
        assert_eq!(successors.count(), 1);
        bench.verify(&first.minted.token).await.unwrap();
        let events = bench.events(&old.id).await;
        assert_eq!(events.iter().filter(|event| *event == "api-key.rolled").count(), 1);

        for other in [
            Roll { overlap: secs(61), ..roll.clone() },
            Roll { by: None, ..roll.clone() },
            Roll { owner: Some(0), ..roll.clone() },
            Roll { policy: Some(0), ..roll.clone() },
            Roll { algorithm: Some(Algorithm::Ed25519), ..roll.clone() },
            Roll { expires: Some(None), ..roll.clone() },
            Roll { expires: Some(Some(When::In(secs(9)))), ..roll.clone() },
        ] {
            assert!(matches!(send(other).await, Err(Error::IdempotencyMismatch)));
        }
        let create = bench.issuer.keys().create_all(std::slice::from_ref(&new), Some(&name)).await;
        assert!(matches!(create, Err(Error::IdempotencyMismatch)));
        let next = made.pop().unwrap().minted.record.id.clone();
        let elsewhere = bench.issuer.keys().roll_once(&next, &roll, Some(&name)).await;
        assert!(matches!(elsewhere, Err(Error::IdempotencyMismatch)));

        let yours = Idempotency { scope: "you".into(), ..name.clone() };
        let yours = bench.issuer.keys().roll_once(&next, &roll, Some(&yours)).await.unwrap().value;
        assert!(!yours.repeated, "others' names do not meet it");
        bench.clock.advance(24 * 60 * 60 * 1000);
        bench.issuer.list().publish().await.unwrap();
        assert!(matches!(send(roll).await, Err(Error::AlreadyRevoked)), "the name is forgotten");
    }
}

pub(crate) async fn a_repeated_roll_needs_both_keys(bench: Bench) {
    let old = bench.issuer.keys().create(&NewKey::titled("a")).await.unwrap().record.id.clone();
    let (name, roll) =
        (Idempotency::new("me", "roll"), Roll { overlap: secs(0), ..Roll::default() });
    let send = async || bench.issuer.keys().roll_once(&old, &roll, Some(&name)).await;
    assert!(!send().await.unwrap().value.repeated);
    assert!(send().await.unwrap().value.repeated);
    bench.issuer.keys().delete(std::slice::from_ref(&old), None).await.unwrap();
    assert!(matches!(send().await, Err(Error::NoSuchKeys(ids)) if ids == [old.as_str()]));
}
