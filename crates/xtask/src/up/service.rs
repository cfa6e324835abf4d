//! Long-running programs: started on a loopback port, awaited, and stopped by their process id.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{cmd, paths, ui};

const START_DEADLINE: Duration = Duration::from_secs(30);

/// A running program. Dropping this stops it.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) url: String,
    child: Child,
    log: PathBuf,
}

impl Service {
    /// Starts `program` with the arguments that `describe` adds for a port, and waits until it
    /// accepts connections there.
    pub(super) fn start(
        name: &'static str,
        wish: u16,
        describe: impl FnOnce(&str, &mut Command),
        program: &Path,
    ) -> Result<Self> {
        let port = free_port(name, wish)?;
        let log = paths::target().join(format!("up-{}.log", name.replace(' ', "-")));
        let output =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = cmd::new(program);
        command.stdout(output.try_clone()?).stderr(output).stdin(Stdio::null());
        describe(&port.to_string(), &mut command);
        let child = command.spawn().with_context(|| format!("cannot start the {name}"))?;
        let url = format!("http://127.0.0.1:{port}");
        let mut service = Self { name, url, child, log };
        service.wait(port)?;
        Ok(service)
    }

    fn wait(&mut self, port: u16) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
            if let Some(status) = self.ended()? {
                bail!("the {} did not start: {status}\n{}", self.name, self.said());
            }
            if Instant::now() > deadline {
                bail!("the {} takes no connections on port {port}\n{}", self.name, self.said());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The program's exit status, if it has ended.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The program's output so far.
    pub(super) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The program may have ended already, and a destructor can't report an error anyway.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `wish`, or a free port if that one is taken or 0.
fn free_port(name: &str, wish: u16) -> Result<u16> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = match free(wish) {
        Ok(listener) => listener,
        Err(_) => {
            let other = free(0).context("no port of loopback is free")?;
            let port = other.local_addr()?.port();
            ui::note(&format!("port {wish} is taken: the {name} takes {port}"));
            other
        }
    };
    Ok(listener.local_addr()?.port())
}

/// An issuer's folder, and the program that manages it.
pub(super) struct Issuer {
    pub(super) home: PathBuf,
    pub(super) root: String,
    pub(super) admin_key: String,
    pub(super) gate_keys: String,
    /// The key with which the gate authenticates to its issuer.
    pub(super) gate_key: String,
    program: PathBuf,
}

impl Issuer {
    /// Opens the issuer in `home`. If there is none, creates it and keeps the output that `init`
    /// prints only once.
    pub(super) fn open(program: &Path, home: PathBuf) -> Result<Self> {
        let kept = home.join("init.json");
        let mut issuer = Self {
            home,
            root: String::new(),
            admin_key: String::new(),
            gate_keys: String::new(),
            gate_key: String::new(),
            program: program.to_path_buf(),
        };
        if !kept.is_file() {
            let made = issuer.run(&["init"])?;
            write_private(&kept, &made.to_string())?;
        }
        let text = std::fs::read_to_string(&kept)?;
        let made: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; delete its folder", kept.display()))?;
        issuer.root = string(&made, "root")?;
        issuer.admin_key = string(&made, "admin_key")?;
        issuer.gate_keys = issuer.run(&["keyring", "export", "--gate"])?.to_string();
        issuer.gate_key = issuer.own_key_of_gate()?;
        Ok(issuer)
    }

    /// An admin key with a gate's permissions, created once and kept.
    fn own_key_of_gate(&self) -> Result<String> {
        let kept = self.home.join("gate.json");
        if !kept.is_file() {
            let scopes = ["--scope", "gates:read", "--scope", "gates:report"];
            let arguments =
                [&["keys", "create", "--admin", "--title", "Gate"][..], &scopes].concat();
            write_private(&kept, &self.run(&arguments)?.to_string())?;
        }
        let made: Value = serde_json::from_str(&std::fs::read_to_string(&kept)?)
            .with_context(|| format!("{} is damaged; delete it", kept.display()))?;
        string(&made, "token")
    }

    /// Runs the program with `arguments` and parses its output.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = cmd::new(&self.program);
        command.arg("--home").arg(&self.home).arg("--json").args(arguments);
        let text = cmd::read(&mut command)?;
        serde_json::from_str(&text).context("the program `portcullis` printed no JSON")
    }
}

/// A field of an answer that must be a string.
pub(super) fn string(value: &Value, field: &str) -> Result<String> {
    let text = value.pointer(&format!("/{}", field.replace('.', "/"))).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no `{field}` in the answer"))?.to_owned())
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened =
        options.open(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(opened.write_all(text.as_bytes())?)
}

/// Sends a GET with `key`; returns the status and the body.
pub(super) fn get(url: &str, key: Option<&str>) -> Result<(u16, String)> {
    answer(agent().get(url).header("authorization", bearer(key)).call())
}

/// Sends a POST of JSON with `key`; returns the status and the body.
pub(super) fn post(url: &str, key: &str, body: &Value) -> Result<(u16, String)> {
    let request = agent().post(url).header("authorization", bearer(Some(key)));
    answer(request.header("content-type", "application/json").send(body.to_string()))
}

fn bearer(key: Option<&str>) -> String {
    key.map(|key| format!("Bearer {key}")).unwrap_or_default()
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .proxy(None)
        .build();
    config.into()
}

fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(u16, String)> {
    let mut response = response?;
    let mut body = String::new();
    response.body_mut().as_reader().take(1 << 20).read_to_string(&mut body)?;
    Ok((response.status().as_u16(), body))
}
