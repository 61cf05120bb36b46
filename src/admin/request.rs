//! The head of a request, and the whole of a response. Without I/O.

/// Headers of a request that are looked at; none of them matters here.
const HEADERS_MAX: usize = 64;

/// What a complete head asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Page {
        page: Page,
        /// GET and not HEAD.
        with_body: bool,
    },
    Refused(Status),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Metrics,
    Healthz,
    Readyz,
    Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Ok,
    BadRequest,
    NotFound,
    MethodNotAllowed,
    TooLarge,
    Unavailable,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Status::Ok => "200 OK",
            Status::BadRequest => "400 Bad Request",
            Status::NotFound => "404 Not Found",
            Status::MethodNotAllowed => "405 Method Not Allowed\r\nAllow: GET, HEAD",
            Status::TooLarge => "431 Request Header Fields Too Large",
            Status::Unavailable => "503 Service Unavailable",
        }
    }
}

/// The version is that of Prometheus' format; to any other page it does no harm.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
pub const JSON: &str = "application/json";

impl Page {
    pub fn content(self) -> &'static str {
        match self {
            Page::Metrics | Page::Healthz | Page::Readyz => TEXT,
            Page::Status => JSON,
        }
    }
}

/// Reads a request's head; `None` as long as it is not complete.
pub fn read(bytes: &[u8]) -> Option<Asked> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return None,
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Some(Asked::Refused(Status::TooLarge)),
        Err(_) => return Some(Asked::Refused(Status::BadRequest)),
    }
    let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    let page = match path {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Healthz,
        "/readyz" => Page::Readyz,
        "/status" => Page::Status,
        _ => return Some(Asked::Refused(Status::NotFound)),
    };
    Some(match method {
        "GET" => Asked::Page { page, with_body: true },
        "HEAD" => Asked::Page { page, with_body: false },
        _ => Asked::Refused(Status::MethodNotAllowed),
    })
}

/// A whole response, behind which the connection is closed.
pub fn response(status: Status, content: &str, body: &str, with_body: bool) -> Vec<u8> {
    let line = status.line();
    let head = format!(
        "HTTP/1.1 {line}\r\nContent-Type: {content}\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    if with_body {
        bytes.extend_from_slice(body.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(page: Page, with_body: bool) -> Option<Asked> {
        Some(Asked::Page { page, with_body })
    }

    fn refused(status: Status) -> Option<Asked> {
        Some(Asked::Refused(status))
    }

    #[test]
    fn requests_are_read_by_method_and_path() {
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX + 1));
        for (request, expected) in [
            ("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n", page(Page::Metrics, true)),
            ("GET /healthz HTTP/1.0\r\n\r\n", page(Page::Healthz, true)),
            ("HEAD /readyz?verbose HTTP/1.1\r\nHost: x\r\n\r\n", page(Page::Readyz, false)),
            ("GET /readyz HTTP/1.1\n\n", page(Page::Readyz, true)),
            ("\r\nGET /readyz HTTP/1.1\r\n\r\nmore", page(Page::Readyz, true)),
            ("GET / HTTP/1.1\r\n\r\n", refused(Status::NotFound)),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", refused(Status::NotFound)),
            ("GET /%6detrics HTTP/1.1\r\n\r\n", refused(Status::NotFound)),
            ("GET http://x/metrics HTTP/1.1\r\n\r\n", refused(Status::NotFound)),
            ("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", refused(Status::MethodNotAllowed)),
            ("get /metrics HTTP/1.1\r\n\r\n", refused(Status::MethodNotAllowed)),
            ("GET /metrics\r\n\r\n", refused(Status::BadRequest)),
            ("GET /metrics HTTP/2.0\r\n\r\n", refused(Status::BadRequest)),
            ("GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", refused(Status::BadRequest)),
            ("\u{1}\u{0}\u{0}\u{0}\u{e}", refused(Status::BadRequest)),
            (&many, refused(Status::TooLarge)),
            ("", None),
            ("GET /metrics HTTP/1.1\r\nHost: x\r\n", None),
        ] {
            assert_eq!(read(request.as_bytes()), expected, "{request:?}");
        }
    }

    #[test]
    fn a_head_is_asked_for_more_until_it_is_complete() {
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for cut in 0..request.len() {
            assert_eq!(read(&request[..cut]), None, "{cut}");
        }
        assert_eq!(read(request), page(Page::Metrics, true));
    }

    #[test]
    fn a_response_says_its_length_and_closes() {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let ok = text(response(Status::Ok, TEXT, "alive\n", true));
        assert!(ok.starts_with("HTTP/1.1 200 OK\r\n") && ok.ends_with("\r\n\r\nalive\n"), "{ok}");
        assert!(ok.contains("\r\nContent-Length: 6\r\n") && ok.contains("\r\nConnection: close\r\n"), "{ok}");
        let head = text(response(Status::Ok, TEXT, "alive\n", false));
        assert_eq!(ok.strip_suffix("alive\n"), Some(head.as_str()));
        let method = text(response(Status::MethodNotAllowed, TEXT, "", true));
        assert!(method.starts_with("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n"), "{method}");
    }
}
