use std::time::Duration;

/// What a client may take from a server. [`Limits::default`] suits an API with small bodies.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's line and headers; more is answered with 431.
    ///
    /// Bearer tokens with many groups come close to 16 KiB.
    pub header_bytes: usize,
    /// Bytes of a request's body; more is answered with 413.
    pub body_bytes: usize,
    /// From the first byte of a request to the end of its headers (HTTP/1.1); then the connection
    /// is closed. This ends clients that send one byte now and then to hold a connection.
    pub header_read_timeout: Duration,
    /// From the end of a request's headers to the start of its response: then 408 if the client
    /// still owes a part of the body, and 503 if the handler is late.
    pub request_timeout: Duration,
    /// From the accepted connection to the end of its TLS handshake.
    pub tls_handshake_timeout: Duration,
    /// How long a connection is kept without a request, and how long a client may refuse to take
    /// the next bytes of a response.
    ///
    /// Longer than the idle time of common clients (Go: 90 s), so that the client closes first
    /// and no request is lost on a connection that the server is just closing.
    pub idle_timeout: Duration,
    /// How long requests in flight may take to finish when the server stops; shorter than the
    /// 30 s that Kubernetes waits before it kills.
    pub drain: Duration,
    /// Connections at the same time. At the limit, connections without a request in flight are
    /// asked to leave, and new ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Concurrent requests on one HTTP/2 connection.
    pub max_concurrent_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 32 * 1024,
            body_bytes: 1024 * 1024,
            header_read_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            tls_handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            drain: Duration::from_secs(25),
            max_connections: 4096,
            max_concurrent_streams: 100,
        }
    }
}
