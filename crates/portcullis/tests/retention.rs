//! Retention from outside: over HTTP, on the command line, with a killed process, and on a restored
//! issuer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use common::Shell;
use futures_util::StreamExt as _;
use portcullis_api::router;
use portcullis_core::time::Time;
use portcullis_issuer::actor::{Actor, Who};
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::events::{Age, Retention};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::schedule::{Job, Options};
use portcullis_issuer::store::events::{Event, EventType};
use portcullis_issuer::{Home, Issuer};
use portcullis_test_support::{Bench, code, stderr, stdout};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const DAY: u64 = 24 * 60 * 60 * 1000;

async fn append(issuer: &Issuer, count: usize, at: Time) {
    let actor = Actor::part("test");
    let event = |number: usize| Event {
        event: EventType::Updated,
        key_id: None,
        who: Who::new(&actor, Some("zoë")),
        data: json!({ "number": number }),
    };
    let all: Vec<Event<'_>> = (0..count).map(event).collect();
    let writing = issuer.store().bookkeeping().await.unwrap();
    let mut change = writing.into_change_at(Who::new(&actor, None), at);
    change.events(&all).await.unwrap();
    change.save().await.unwrap();
}

/// Adds events of twenty days ago to the issuer at `home`, as a program at that time would have;
/// returns the total number of events.
async fn of_before(home: &Path, count: usize) -> i64 {
    let home = Home::new(home);
    let issuer = Issuer::open(&home, Arc::new(SystemClock), DEFAULT_VALID_FOR).await.unwrap();
    let then = Time::from_millis(SystemClock.now().millis() - 20 * DAY);
    append(&issuer, count, then).await;
    issuer.list().publish().await.unwrap();
    let all = issuer.trail().last().await.unwrap();
    issuer.store().close().await;
    all
}

fn days_ago(days: u64) -> String {
    let then = Time::from_millis(SystemClock.now().millis() - days * DAY);
    portcullis_issuer::time_format::rfc3339_millis(then)
}

#[tokio::test]
async fn whoever_asks_over_http_is_told_what_was_removed() {
    let bench = Bench::new().await;
    append(&bench.issuer, 10, bench.issuer.now()).await;
    bench.clock.advance(30 * DAY);
    bench.issuer.list().publish().await.unwrap();
    let router = router(&bench.issuer);
    let ask = async |method: &str, path: &str, last: Option<&str>, body: Option<Value>| {
        let admin = format!("Bearer {}", bench.made.admin_token.as_str());
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", admin);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    };
    let read = async |response: axum::response::Response| {
        let status = response.status();
        let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, kind, serde_json::from_slice::<Value>(&bytes).unwrap())
    };
    let get = async |path: &str, last: Option<&str>| read(ask("GET", path, last, None).await).await;
    assert_eq!(get("/v1/events", None).await.2["removed"], Value::Null);
    let hook = json!({ "url": "https://example.com/hook" });
    let hook = read(ask("POST", "/v1/webhooks", None, Some(hook)).await).await.2;
    let hook = hook["webhook"]["id"].as_str().unwrap().to_owned();

    // Remove the oldest events.
    let retention = Retention {
        age: Age::Keep(Duration::from_millis(20 * DAY)),
        archive: None,
        even_if_broken: false,
    };
    let options = Options { retention: Some(retention), ..Options::default() };
    bench.issuer.jobs().run(Job::TrimEvents, &options).await.unwrap();
    let start = bench.issuer.trail().start().await.unwrap().unwrap();
    let through = start.last.id;

    // The listing reports the removal.
    let (_, _, page) = get("/v1/events?order=asc", None).await;
    assert_eq!(page["removed"]["through"], through);
    assert_eq!(page["removed"]["count"], start.removed);
    assert_eq!(page["removed"]["digest"], start.last.digest.to_string());
    assert_eq!(page["events"][0]["id"], through + 1);

    // A reader whose position was removed gets 410 with the next position.
    let replay = format!("/v1/webhooks/{hook}/replay");
    let replayed = async |after: i64| {
        read(ask("POST", &replay, None, Some(json!({ "after": after }))).await).await
    };
    for (status, kind, problem) in [
        get("/v1/events?order=asc&cursor=3", None).await,
        get("/v1/events/stream?after=3", None).await,
        get("/v1/events/stream", Some("3")).await,
        replayed(3).await,
    ] {
        assert_eq!((status, kind.as_str()), (StatusCode::GONE, "application/problem+json"));
        assert_eq!(problem["code"], "events_removed");
        assert_eq!(problem["type"], "tag:portcullis,2026:events_removed");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("read on from {through}")), "{detail}");
    }
    // Starting from the beginning still works.
    assert_eq!(get("/v1/events?cursor=3", None).await.0, StatusCode::OK, "the end of all pages");
    assert_eq!(replayed(0).await.0, StatusCode::OK);
    for path in ["after=0".to_owned(), format!("after={through}")] {
        let stream = ask("GET", &format!("/v1/events/stream?{path}"), None, None).await;
        assert_eq!(stream.status(), StatusCode::OK, "{path}");
        let first = stream.into_body().into_data_stream().next().await.unwrap().unwrap();
        let first = String::from_utf8(first.to_vec()).unwrap();
        assert!(first.contains(&format!("id: {}\n", through + 1)), "{path}: {first}");
    }
}

#[tokio::test]
async fn the_command_line_looks_first_asks_and_removes() {
    let shell = Shell::initialised();
    let all = of_before(&shell.home(), 30).await;
    let whole = shell.run(&["audit", "export", "--output", "whole.jsonl"]);
    assert_eq!(code(&whole), 0);
    let before = days_ago(10);
    let trim = |more: &[&str]| {
        let args = [&["audit", "trim", "--before", &before], more].concat();
        shell.run(&args)
    };
    let looked = shell.json(&["audit", "trim", "--before", &before, "--dry-run"]);
    assert_eq!((&looked["events"], &looked["dry_run"]), (&json!(all), &json!(true)));
    let told = stdout(&trim(&["--dry-run"]));
    assert!(told.contains(&format!("remove {all} events of before")), "{told}");
    let unasked = trim(&[]);
    assert_eq!(code(&unasked), 2);
    let why = stderr(&unasked);
    assert!(why.contains("written nowhere first") && why.contains("--yes"), "{why}");
    let young = shell.run(&["audit", "trim", "--before", &days_ago(6), "--yes"]);
    assert_eq!((code(&young), stderr(&young).contains("seven days back")), (2, true));
    let nowhere = trim(&["--yes", "--archive", "nowhere"]);
    assert_eq!((code(&nowhere), stderr(&nowhere).contains("make that folder")), (2, true));
    assert_eq!(shell.json(&["audit", "verify"])["events"], all, "nothing was removed until now");

    std::fs::create_dir(shell.folder.path().join("archive")).unwrap();
    let args = ["audit", "trim", "--before", &before, "--yes", "--archive", "archive"];
    let done = shell.json(&args);
    assert_eq!((&done["events"], &done["through"]), (&json!(all), &json!(all)));
    let file = done["files"][0].as_str().unwrap().to_owned();
    assert_eq!(shell.json(&["audit", "trim", "--before", &before, "--yes"])["events"], 0);

    let verified = shell.json(&["audit", "verify"]);
    assert_eq!((&verified["first"], &verified["events"]), (&json!(all + 1), &json!(1)));
    assert_eq!(verified["removed"]["count"], all);
    let said = stdout(&shell.run(&["audit", "verify"]));
    assert!(said.contains(&format!("from {} on, sound", all + 1)), "{said}");
    assert!(said.contains(&format!("{all} events up to {all}, the last of them of")), "{said}");
    assert!(said.contains("were removed by retention on 20"), "{said}");
    for archive in [&file, "whole.jsonl"] {
        let verified = shell.json(&["audit", "verify", "--archive", archive]);
        assert_eq!((&verified["first"], &verified["events"]), (&json!(1), &json!(all + 1)));
        assert_eq!(verified["removed"]["count"], all);
    }
    let both = shell.json(&["audit", "verify", "--file", &file, "whole.jsonl"]);
    assert_eq!(both["events"], all);
    let listed = shell.run(&["audit", "list"]);
    assert!(stderr(&listed).contains("were removed by retention"), "{}", stderr(&listed));
    let list = shell.json(&["audit", "list"]);
    assert_eq!(
        (&list["removed"]["through"], &list["events"][0]["type"]),
        (&json!(all), &json!("trail.trimmed"))
    );
    assert!(list["events"][0]["actor"].as_str().unwrap().contains('@'), "by hand it is a person");
    assert_eq!(shell.json(&["doctor"])["healthy"], true);

    // An attacker who can only write the database can't pass off a cut as a removal.
    let home = Home::new(shell.home());
    let issuer = Issuer::open(&home, Arc::new(SystemClock), DEFAULT_VALID_FOR).await.unwrap();
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    sqlx::query("DELETE FROM trail_start").execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    issuer.store().close().await;
    let found = shell.run(&["audit", "verify"]);
    assert_eq!((code(&found), stdout(&found).contains("start")), (1, true));
    assert_eq!(code(&shell.run(&["doctor"])), 1);
}

#[tokio::test]
async fn how_long_events_are_kept_is_a_setting_that_is_checked_at_once() {
    let shell = Shell::initialised();
    let all = of_before(&shell.home(), 5).await;
    let refused = |args: &[&str], why: &str| {
        let output = shell.run(args);
        assert_eq!(code(&output), 2, "{args:?}");
        let told = stderr(&output);
        assert!(told.contains(why), "{args:?}: {told}");
    };
    refused(&["jobs", "run", "trim-events"], "must say for how long");
    refused(&["jobs", "run", "trim-events", "--keep-events", "6d"], "must be 7d at least");
    refused(&["serve", "--keep-events", "6d"], "must be 7d at least");
    refused(&["serve", "--keep-events", "0s"], "must be 7d at least");
    refused(&["serve", "--keep-events", "forever"], "write it as 90d");
    refused(&["serve", "--archive-events", "."], "needs --keep-events");
    refused(&["serve", "--keep-events", "8d", "--archive-events", "none"], "make that folder");
    refused(
        &["serve", "--keep-events", "8d", "--idempotency-window", "9d"],
        "as long as --idempotency-window",
    );
    let file = shell.folder.path().join("portcullis.toml");
    std::fs::write(&file, "[serve]\nkeep_events = '6d'\n").unwrap();
    let by_file = shell.command(&["serve"]).env("PORTCULLIS_CONFIG", &file).output().unwrap();
    assert!(stderr(&by_file).contains("must be 7d at least"), "{}", stderr(&by_file));
    let args = ["jobs", "run", "trim-events", "--json"];
    let by_env = shell.command(&args).env("PORTCULLIS_KEEP_EVENTS", "10d").output().unwrap();
    let done: Value = serde_json::from_slice(&by_env.stdout).unwrap();
    assert_eq!((&done["job"], &done["removed"]), (&json!("trim-events"), &json!(all)));
    let jobs = shell.json(&["jobs", "list"]);
    let job = jobs["jobs"].as_array().unwrap().iter().find(|job| job["job"] == "trim-events");
    assert_eq!(job.unwrap()["state"], "ended");
}

async fn free_leases(home: &Path) {
    let home = Home::new(home);
    let issuer = Issuer::open(&home, Arc::new(SystemClock), DEFAULT_VALID_FOR).await.unwrap();
    let mut writing = issuer.store().bookkeeping().await.unwrap();
    let free = "UPDATE jobs SET holder = NULL, until_ms = 0";
    sqlx::query(free).execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    issuer.store().close().await;
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_whole_batches() {
    const COUNT: usize = 24_000;
    let shell = Shell::initialised();
    let all = of_before(&shell.home(), COUNT).await;
    let archive = shell.folder.path().join("archive");
    std::fs::create_dir(&archive).unwrap();
    let before = days_ago(10);
    let mut args = vec!["audit", "trim", "--before", &before, "--yes", "--archive", "archive"];
    let removed = |verified: &Value| verified["removed"]["count"].as_i64().unwrap_or(0);
    let (mut killed, mut left) = (0, 0);
    for attempt in 0_u64.. {
        let mut child = shell.command(&args).stdout(std::process::Stdio::null()).spawn().unwrap();
        // Later each time, so that one attempt finishes.
        let until = Instant::now() + Duration::from_millis(60 + 45 * attempt);
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() > until {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        let verified = shell.json(&["audit", "verify"]);
        eprintln!("{attempt}: {ended:?}, removed up to {left}");
        left = verified["removed"]["through"].as_i64().unwrap_or(0);
        assert_eq!(removed(&verified), left, "from 1 on and without holes");
        match ended.map(|status| status.code()) {
            None => killed += 1,
            Some(Some(0)) => break,
            // The lease of the killed process has not expired yet.
            Some(taken) => {
                assert_eq!(taken, Some(1));
                free_leases(&shell.home()).await;
            }
        }
        assert!(attempt < 200, "it never comes to its end");
    }
    assert!(killed > 0);
    assert_eq!(left, all);
    args = vec!["audit", "verify", "--archive"];
    let mut files: Vec<String> = std::fs::read_dir(&archive)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        // An incomplete file has another name until it is complete.
        .filter(|name| !name.starts_with('.'))
        .map(|name| format!("archive/{name}"))
        .collect();
    files.sort();
    args.extend(files.iter().map(String::as_str));
    let whole = shell.json(&args);
    assert_eq!((&whole["ok"], &whole["first"]), (&json!(true), &json!(1)), "{killed} were killed");
    assert!(whole["events"].as_i64().unwrap() > all);
}

#[tokio::test]
async fn a_trimmed_issuer_is_backed_up_and_restored() {
    let shell = Shell::initialised();
    of_before(&shell.home(), 20).await;
    let passphrase = shell.folder.path().join("passphrase");
    portcullis_issuer::files::write_atomic(
        &passphrase,
        b"correct horse battery staple\n",
        portcullis_issuer::files::Privacy::Secret,
    )
    .unwrap();
    let run = |args: &[&str]| {
        let mut command = shell.command(args);
        let output = command.env("PORTCULLIS_PASSPHRASE_FILE", &passphrase).output().unwrap();
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        output
    };
    run(&["backup", "before.sealed"]);
    run(&["audit", "trim", "--before", &days_ago(10), "--yes"]);
    let anchor = shell.json(&["audit", "verify"])["anchor"].as_str().unwrap().to_owned();
    run(&["backup", "after.sealed"]);
    // A backup restores the trail as it was then, and trims only after the recovery.
    for (backup, removed) in [("after.sealed", true), ("before.sealed", false)] {
        std::fs::remove_dir_all(shell.home()).unwrap();
        run(&["restore", backup]);
        let verified: Value =
            serde_json::from_slice(&run(&["audit", "verify", "--json"]).stdout).unwrap();
        assert_eq!(verified["removed"].is_object(), removed, "{backup}");
        assert_eq!(verified["anchor"] == anchor.as_str(), removed, "{backup}");
        let early = shell.run(&["audit", "trim", "--before", &days_ago(9), "--yes"]);
        if !removed {
            assert_eq!(code(&early), 2, "nothing goes while it is a restored backup");
            assert!(stderr(&early).contains("restored backup"), "{}", stderr(&early));
        }
        run(&["recover", "--no-witness"]);
        run(&["list", "publish"]);
        run(&["audit", "trim", "--before", &days_ago(9), "--yes"]);
        let verified: Value =
            serde_json::from_slice(&run(&["audit", "verify", "--json"]).stdout).unwrap();
        assert!(verified["removed"].is_object(), "{backup}");
    }
}
