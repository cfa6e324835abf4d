//! A tour of Portcullis from start to end, on real services.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::build::Built;
use crate::up::service::{get, post, string};
use crate::up::stack::Stack;
use crate::{cmd, paths};

const DEADLINE: Duration = Duration::from_secs(15);

/// Creates a key, uses it, revokes it and sees it refused: a secret key at the gate, a publishable
/// key in the npm package.
pub(super) fn tell(stack: &Stack, built: &Built) -> Result<()> {
    eprintln!();
    // A secret key passes the gate, and its text doesn't reach the origin.
    let (id, secret) = create(stack, "secret")?;
    say("created", &format!("a secret key, {id}"));
    let (status, body) = get(&format!("{}/orders", stack.gate.url), Some(&secret))?;
    ensure!(status == 200, "the gate answered {status} to a good key: {body}");
    let seen: Value = serde_json::from_str(&body).context("the origin answered no JSON")?;
    let told = string(&seen, "headers.portcullis")?;
    ensure!(told.contains(&format!("key={id},")), "the origin was told of {told}");
    ensure!(!body.contains(&secret), "the key reached the origin");
    say("passed", &format!("the gate; the origin was told: {told}"));

    // After its revocation, measure the time until the gate refuses it.
    let revoked = revoke(stack, &id)?;
    let refused = until_refused(|| {
        let (status, body) = get(&stack.gate.url, Some(&secret))?;
        match status {
            200 => Ok(None),
            401 => Ok(Some(body)),
            other => bail!("the gate answered {other}: {body}"),
        }
    })?;
    let took = revoked.elapsed();
    ensure!(!refused.contains(&secret), "the answer shows the key");
    say("revoked", &format!("and refused at the gate {} ms later", took.as_millis()));

    // The npm package accepts a publishable key until it is revoked, and can't verify an HMAC key.
    let (id, publishable) = create(stack, "publishable")?;
    say("created", &format!("a publishable key, {id}"));
    let verdict = |token: &str| {
        let script = paths::root().join("tests/verify.mjs");
        let mut node = cmd::new(&built.node);
        cmd::read(node.arg(script).args([&stack.server.url, &stack.issuer.root, token]))
    };
    let first = verdict(&publishable)?;
    ensure!(first == "accepted", "the npm package said {first} of a good key");
    let hidden = verdict(&secret)?;
    ensure!(hidden == "secret_not_held", "the npm package said {hidden} of an HMAC key");
    say("accepted", "by the npm package, which leaves HMAC keys to the gates");
    revoke(stack, &id)?;
    let last = verdict(&publishable)?;
    ensure!(last == "revoked", "the npm package said {last} of a revoked key");
    say("revoked", "and refused by the npm package");

    // The console serves its page.
    let (status, page) = get(&stack.console.url, None)?;
    ensure!(status == 200 && page.contains("<html"), "the console answered {status}");
    println!("revoked at the issuer, refused at the gate: {} ms", took.as_millis());
    Ok(())
}

/// Prints commands to try.
pub(super) fn invite(stack: &Stack) -> Result<()> {
    let (_, token) = create(stack, "secret")?;
    let (id, publishable) = create(stack, "publishable")?;
    let (gate, issuer) = (&stack.gate.url, &stack.server.url);
    let admin = &stack.issuer.admin_key;
    println!(
        "
Portcullis is up. Everything listens on this machine alone; Ctrl-C stops it.

  console   {console}
  issuer    {issuer}
  gate      {gate}, in front of a sample origin

A secret key passes the gate:

  curl -i {gate}/orders -H 'Authorization: Bearer {token}'

Make one of your own (admin key included: this is your machine), then revoke it by its id:

  curl -s {issuer}/v1/keys -H 'Authorization: Bearer {admin}' -H 'Content-Type: application/json' -d '{{\"title\":\"my first key\"}}'
  curl -s {issuer}/v1/keys/ID/revoke -H 'Authorization: Bearer {admin}' -H 'Content-Type: application/json' -d '{{}}'

Paste this publishable key into the console and watch it while you revoke it:

  {publishable}
  curl -s {issuer}/v1/keys/{id}/revoke -H 'Authorization: Bearer {admin}' -H 'Content-Type: application/json' -d '{{}}'
",
        console = stack.console.url,
    );
    Ok(())
}

/// Creates a key; returns its id and its text.
fn create(stack: &Stack, kind: &str) -> Result<(String, String)> {
    let body = json!({ "title": format!("a {kind} key"), "kind": kind, "environment": "live" });
    let url = format!("{}/v1/keys", stack.server.url);
    let (status, answer) = post(&url, &stack.issuer.admin_key, &body)?;
    ensure!(status == 201, "the issuer answered {status}: {answer}");
    let made: Value = serde_json::from_str(&answer)?;
    Ok((string(&made, "key.id")?, string(&made, "token")?))
}

/// Revokes a key; returns the instant at which the issuer had answered.
fn revoke(stack: &Stack, id: &str) -> Result<Instant> {
    let url = format!("{}/v1/keys/{id}/revoke", stack.server.url);
    let (status, answer) = post(&url, &stack.issuer.admin_key, &json!({}))?;
    ensure!(status == 200, "the issuer answered {status}: {answer}");
    Ok(Instant::now())
}

fn until_refused(mut ask: impl FnMut() -> Result<Option<String>>) -> Result<String> {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        if let Some(body) = ask()? {
            return Ok(body);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("the revoked key still passed after {} s", DEADLINE.as_secs())
}

fn say(what: &str, how: &str) {
    eprintln!("{what:>10}  {how}");
}
