//! A running `symbolon up` on a data directory and ports of its own.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_symbolon");

/// Ports that `up` counts from its base.
const PORTS: u16 = 9;
/// Where port bases begin and how many there are, all below the range from which systems take the
/// ports of outgoing connections.
const FIRST_BASE: u16 = 10_000;
const BASES: u16 = 2_000;
/// How many port bases are tried before the reason is taken to be another one.
const TRIES: usize = 20;

/// Lines of the server's log that are shown when a test fails.
const LOG_LINES: usize = 12;

/// Counts the bases that this process has tried, so that parallel tests never meet.
static NEXT_BASE: AtomicU16 = AtomicU16::new(0);

/// A running installation; dropped, it ends and its data is deleted.
pub(crate) struct Installation {
    up: Child,
    directory: TempDir,
    log: Arc<Mutex<String>>,
    environment: BTreeMap<String, String>,
}

impl Installation {
    /// Starts one and waits for the line `ready`.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one that listens at another address than the usual, and says so in all URLs.
    pub(crate) fn start_at(address: &str) -> Self {
        Self::start_with(&["--listen", address, "--host", address, "--san", address])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        for _ in 0..TRIES {
            let log = Arc::new(Mutex::new(String::new()));
            if let Some(up) = up(&data, free_base(), arguments, &log) {
                let mut started = Self { up, directory, log, environment: BTreeMap::new() };
                started.environment = serde_json::from_value(started.json(["env", "--format", "json"])).unwrap();
                return started;
            }
        }
        panic!("no free ports were found in {TRIES} tries");
    }

    /// A variable of `symbolon env`.
    pub(crate) fn variable(&self, name: &str) -> &str {
        self.environment.get(name).map_or_else(|| panic!("`symbolon env` prints no {name}"), String::as_str)
    }

    /// The variables of `symbolon env`.
    pub(crate) fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// A new path for a file of the test's own, deleted with the installation.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A command of the product on this installation, not yet run.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--data-dir").arg(self.path("data")).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command of the product that must succeed, and returns what it printed.
    pub(crate) fn symbolon<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let output = self.command(&arguments).output().unwrap();
        assert!(output.status.success(), "`symbolon {}` failed: {}", arguments.join(" "), error_text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command of the product that must succeed and print JSON.
    pub(crate) fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Value {
        let text = self.symbolon(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON, {error}: {text}"))
    }

    /// The administrator's tenant and client id, and a file with its key and certificate, as other
    /// programs log in.
    pub(crate) fn administrator(&self) -> (String, String, PathBuf) {
        let json = std::fs::read(self.path("data/administrator.json")).unwrap();
        let administrator: Value = serde_json::from_slice(&json).unwrap();
        let text = |name: &str| administrator[name].as_str().unwrap().to_owned();
        let pem = self.path("administrator.pem");
        std::fs::write(&pem, text("privateKey") + &text("certificate")).unwrap();
        (text("tenantId"), text("clientId"), pem)
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        // It may have ended already, which changes nothing here.
        let _ = self.up.kill();
        let _ = self.up.wait();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            eprintln!(
                "end of the log of `symbolon up`:\n{}",
                lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
            );
        }
    }
}

/// Standard error of a program that has ended.
pub(crate) fn error_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

/// Starts the server and waits for `ready`; none where a port was taken in between.
fn up(data: &Path, base: u16, arguments: &[&str], log: &Arc<Mutex<String>>) -> Option<Child> {
    let mut child = Command::new(PROGRAM)
        .arg("--data-dir")
        .arg(data)
        .args(["up", "--port-base", &base.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log_reader = collect(child.stderr.take().unwrap(), Arc::clone(log));
    let mut printed = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while printed.read_line(&mut line).unwrap() > 0 {
        if line.trim_end() == "ready" {
            // Read on, or the server would block once the pipe is full.
            collect(printed.into_inner(), Arc::default());
            return Some(child);
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    log_reader.join().unwrap();
    let log = log.lock().unwrap();
    assert!(log.contains("cannot listen"), "`symbolon up` ended with {status} before it was ready: {log}");
    None
}

fn collect(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
    })
}

/// A base whose ports are all free at this moment.
fn free_base() -> u16 {
    // Test programs that run at the same time begin at different places.
    let offset = u16::try_from(std::process::id() % u32::from(BASES)).unwrap();
    loop {
        let number = (offset + NEXT_BASE.fetch_add(1, Ordering::Relaxed)) % BASES;
        let base = FIRST_BASE + number * PORTS;
        if (base..base + PORTS).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return base;
        }
    }
}
