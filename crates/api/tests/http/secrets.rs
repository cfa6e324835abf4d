//! No answer and no stored value contains a secret key's text.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// The length of the shortest part of a token's body that would reveal something of it.
const PART: usize = 20;

/// Runs `acts` on keys; returns all tokens of secret keys, and all answers that must not contain
/// them.
async fn live(api: &Api, acts: &[u8]) -> (Vec<String>, Vec<Vec<u8>>) {
    let (mut keys, mut answers) = (Vec::<(String, String)>::new(), Vec::new());
    keys.push((api.bench.made.admin.id.clone(), api.bench.made.admin_token.to_string()));
    for (number, act) in acts.iter().enumerate() {
        let made = match act % 4 {
            0 => json!({ "title": format!("key {number}"), "metadata": { "n": number } }),
            _ => {
                json!({ "title": "x", "algorithm": "ed25519", "metadata": { "owner": number } })
            }
        };
        // Make a key, then run one act on it, sometimes with its text in a wrong field.
        let made = api.post("/v1/keys", made).await.json();
        let (id, token) = (text(&made, "/key/id").to_owned(), text(&made, "/token").to_owned());
        keys.push((id.clone(), token.clone()));
        let path = format!("/v1/keys/{id}");
        let answer = match act / 4 {
            0 => api.post(&format!("{path}/revoke"), json!({})).await,
            1 => api.post(&format!("{path}/suspend"), json!({})).await,
            2 => api.post(&path, json!({ "title": token.get(..12) })).await,
            3 => api.post(&format!("{path}/undo"), json!({})).await,
            4 => api.get(&format!("/v1/keys?token={token}&q={token}")).await,
            5 => api.post("/v1/keys/authenticate", json!({ "token": token })).await,
            6 => api.post("/v1/verify", json!({ "token": token, "kind": "publishable" })).await,
            7 => api.post("/v1/keys", json!({ "title": "x", "kind": token })).await,
            _ => {
                let rolled = api.post(&format!("{path}/roll"), json!({})).await.json();
                keys.push((text(&rolled, "/key/id").into(), text(&rolled, "/token").into()));
                api.get(&path).await
            }
        };
        answers.push(answer.bytes);
    }
    answers.push(api.get("/v1/keys?limit=200").await.bytes);
    answers.push(api.public("bundle", None).await.bytes);
    (keys.into_iter().map(|(_, token)| token).collect(), answers)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() })]
    #[test]
    fn no_part_of_a_secret_is_answered_or_stored(acts in prop::collection::vec(0u8..36, 4..16)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (tokens, mut places) = runtime.block_on(async {
            let api = Api::new().await;
            let (tokens, mut places) = live(&api, &acts).await;
            let file = api.bench.home.database_file();
            for end in ["", "-wal"] {
                let mut path = file.clone().into_os_string();
                path.push(end);
                places.extend(std::fs::read(path));
            }
            (tokens, places)
        });
        let mut parts: HashSet<&[u8]> = HashSet::new();
        for token in &tokens {
            let body = token.rsplit('_').next().unwrap().as_bytes();
            prop_assert!(body.len() >= 66);
            parts.extend(body.windows(PART));
        }
        // A part lies within a run of letters and digits.
        let tells = |place: &Vec<u8>| {
            let mut runs = place.split(|byte| !byte.is_ascii_alphanumeric());
            runs.any(|run| run.windows(PART).any(|part| parts.contains(part)))
        };
        prop_assert!(!places.iter().any(tells));
        // Check that the search itself works.
        places.push(format!("x{}", tokens[0]).into_bytes());
        prop_assert!(places.iter().any(tells));
    }
}
