//! A small client of the raw protocol, so that tests can send what no driver sends and see every byte of an answer.
//!
//! Shares no code with the product: a misreading of the protocol must not cancel out. Blocking, with a bound on each read.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::raw_login::{self, Greeting, Login};

pub const LONG_PASSWORD: u32 = 1;
pub const FOUND_ROWS: u32 = 2;
pub const LONG_FLAG: u32 = 4;
pub const CONNECT_WITH_DB: u32 = 8;
pub const LOCAL_FILES: u32 = 0x80;
pub const IGNORE_SPACE: u32 = 0x100;
pub const PROTOCOL_41: u32 = 0x200;
pub const TRANSACTIONS: u32 = 0x2000;
pub const SECURE_CONNECTION: u32 = 0x8000;
pub const MULTI_STATEMENTS: u32 = 1 << 16;
pub const MULTI_RESULTS: u32 = 1 << 17;
pub const PS_MULTI_RESULTS: u32 = 1 << 18;
pub const PLUGIN_AUTH: u32 = 1 << 19;
pub const SESSION_TRACK: u32 = 1 << 23;
pub const DEPRECATE_EOF: u32 = 1 << 24;

/// What an ordinary driver asks for.
pub const ORDINARY: u32 = LONG_PASSWORD
    | LONG_FLAG
    | PROTOCOL_41
    | TRANSACTIONS
    | SECURE_CONNECTION
    | MULTI_STATEMENTS
    | MULTI_RESULTS
    | PS_MULTI_RESULTS
    | PLUGIN_AUTH
    | DEPRECATE_EOF;

pub const IN_TRANS: u16 = 1;
pub const AUTOCOMMIT: u16 = 2;
pub const MORE_RESULTS: u16 = 8;

const PAYLOAD_MAX: usize = 0xFF_FFFF;

/// No answer takes longer, not even on a loaded machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    /// The sequence id that the next packet has to have, in either direction.
    pub sequence: u8,
    pub greeting: Greeting,
    /// What both sides can do, once logged in.
    pub capabilities: u32,
}

/// One answer of a command; a text of several statements gives several.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Ok(Done),
    Rows(Rows),
    Error(ServerError),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Done {
    pub affected: u64,
    pub last_id: u64,
    pub status: u16,
    pub warnings: u16,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    pub columns: Vec<String>,
    /// The column definitions as they came.
    pub definitions: Vec<Vec<u8>>,
    /// Text values; of a binary result, the whole payload of the row in one value.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    pub status: u16,
    pub warnings: u16,
    /// The status behind the definitions, without DEPRECATE_EOF.
    pub columns_status: Option<u16>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ServerError {
    pub code: u16,
    pub state: String,
    pub message: String,
}

impl Raw {
    /// Reads the greeting and says nothing yet.
    pub fn greeted(port: u16) -> io::Result<Raw> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut raw = Raw { stream, sequence: 0, greeting: Greeting::default(), capabilities: 0 };
        let payload = raw.packet()?;
        if payload.first() == Some(&0xFF) {
            return Err(io::Error::other(format!("{:?}", error(&payload))));
        }
        raw.greeting =
            Greeting::parse(&payload).ok_or_else(|| io::Error::other(format!("no greeting: {payload:?}")))?;
        Ok(raw)
    }

    /// Logs in; an ERR of the server is an error here.
    pub fn login(port: u16, login: &Login) -> io::Result<Raw> {
        let mut raw = Raw::greeted(port)?;
        raw_login::log_in(&mut raw, login)?;
        Ok(raw)
    }

    pub fn app(port: u16, database: &str) -> io::Result<Raw> {
        Raw::login(port, &Login { database: database.to_owned(), ..Login::default() })
    }

    pub fn admin(port: u16) -> io::Result<Raw> {
        Raw::login(port, &Login { user: "admin".into(), password: "admin-password".into(), ..Login::default() })
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    // Packets.

    /// Sends a command: the sequence begins anew.
    pub fn command(&mut self, payload: &[u8]) -> io::Result<()> {
        self.sequence = 0;
        self.answer(payload)
    }

    /// Sends a payload with the next sequence id, in as many packets as it takes, in one write.
    pub fn answer(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(payload.len() + 8);
        let mut rest = payload;
        loop {
            let (now, later) = rest.split_at(rest.len().min(PAYLOAD_MAX));
            bytes.extend_from_slice(&packet(self.sequence, now));
            self.sequence = self.sequence.wrapping_add(1);
            rest = later;
            if now.len() < PAYLOAD_MAX {
                return self.bytes(&bytes);
            }
        }
    }

    /// Writes bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads one payload, joined if it came in several packets. Wrong sequence ids are errors.
    pub fn packet(&mut self) -> io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header)?;
            let [a, b, c, sequence] = header;
            if sequence != self.sequence {
                return Err(io::Error::other(format!("sequence id {sequence} instead of {}", self.sequence)));
            }
            self.sequence = self.sequence.wrapping_add(1);
            let len = u32::from_le_bytes([a, b, c, 0]) as usize;
            let begin = payload.len();
            payload.resize(begin + len, 0);
            self.stream.read_exact(&mut payload[begin..])?;
            if len < PAYLOAD_MAX {
                return Ok(payload);
            }
        }
    }

    /// True if the other side has closed; fails if it sends something instead.
    pub fn closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(n) => n == 0,
            Err(e) => e.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    // Text statements.

    pub fn send_query(&mut self, text: &str) {
        self.command(&[b"\x03", text.as_bytes()].concat()).expect("the connection stands");
    }

    /// Sends a text, reads all its answers.
    pub fn query(&mut self, text: &str) -> Vec<Reply> {
        self.query_bytes(text.as_bytes())
    }

    pub fn query_bytes(&mut self, text: &[u8]) -> Vec<Reply> {
        self.try_query(text).unwrap_or_else(|e| panic!("{}: {e}", String::from_utf8_lossy(text)))
    }

    pub fn try_query(&mut self, text: &[u8]) -> io::Result<Vec<Reply>> {
        self.command(&[b"\x03", text].concat())?;
        self.replies(false)
    }

    /// The one answer of one statement.
    pub fn one(&mut self, text: &str) -> Reply {
        let mut replies = self.query(text);
        assert_eq!(replies.len(), 1, "{text}: {replies:?}");
        replies.remove(0)
    }

    pub fn ok(&mut self, text: &str) -> Done {
        match self.one(text) {
            Reply::Ok(done) => done,
            other => panic!("{text}: {other:?}"),
        }
    }

    pub fn rows(&mut self, text: &str) -> Rows {
        match self.one(text) {
            Reply::Rows(rows) => rows,
            other => panic!("{text}: {other:?}"),
        }
    }

    pub fn refused(&mut self, text: &str) -> ServerError {
        match self.one(text) {
            Reply::Error(error) => error,
            other => panic!("{text}: {other:?}"),
        }
    }

    /// The first value of the first row; `NULL` for a null.
    pub fn value(&mut self, text: &str) -> String {
        self.rows(text).value()
    }

    /// All answers to a command that may have several.
    pub fn replies(&mut self, binary: bool) -> io::Result<Vec<Reply>> {
        let mut replies = Vec::new();
        loop {
            let reply = self.reply(binary)?;
            let status = match &reply {
                Reply::Ok(done) => done.status,
                Reply::Rows(rows) => rows.status,
                Reply::Error(_) => 0,
            };
            replies.push(reply);
            if status & MORE_RESULTS == 0 {
                return Ok(replies);
            }
        }
    }

    /// One answer.
    pub fn reply(&mut self, binary: bool) -> io::Result<Reply> {
        let first = self.packet()?;
        match first.first() {
            Some(0x00) => return Ok(Reply::Ok(done(&first))),
            Some(0xFF) => return Ok(Reply::Error(error(&first))),
            Some(0xFB) => return Err(io::Error::other("LOCAL INFILE asked for")),
            _ => {}
        }
        let count = Cursor(&first).int();
        let mut rows = Rows::default();
        for _ in 0..count {
            let definition = self.packet()?;
            rows.columns.push(column_name(&definition));
            rows.definitions.push(definition);
        }
        let old_eof = self.capabilities & DEPRECATE_EOF == 0;
        if old_eof {
            let eof = self.packet()?;
            assert!(eof.first() == Some(&0xFE) && eof.len() == 5, "EOF of the columns: {eof:?}");
            rows.columns_status = Some(u16::from_le_bytes([eof[3], eof[4]]));
        }
        loop {
            let payload = self.packet()?;
            match payload.first() {
                Some(0xFF) => return Ok(Reply::Error(error(&payload))),
                Some(0xFE) if old_eof && payload.len() < 9 => {
                    rows.warnings = u16::from_le_bytes([payload[1], payload[2]]);
                    rows.status = u16::from_le_bytes([payload[3], payload[4]]);
                    return Ok(Reply::Rows(rows));
                }
                Some(0xFE) if !old_eof && payload.len() < PAYLOAD_MAX => {
                    let end = done(&payload);
                    rows.warnings = end.warnings;
                    rows.status = end.status;
                    return Ok(Reply::Rows(rows));
                }
                _ if binary => rows.rows.push(vec![Some(payload)]),
                _ => {
                    let mut cursor = Cursor(&payload);
                    rows.rows.push((0..count).map(|_| cursor.value()).collect());
                }
            }
        }
    }

    // Prepared statements.

    /// Prepares; gives (id, columns, parameters).
    pub fn prepare(&mut self, text: &str) -> Result<(u32, u16, u16), ServerError> {
        self.try_prepare(text).expect("the connection stands")
    }

    pub fn try_prepare(&mut self, text: &str) -> io::Result<Result<(u32, u16, u16), ServerError>> {
        self.command(&[b"\x16", text.as_bytes()].concat())?;
        let first = self.packet()?;
        if first[0] == 0xFF {
            return Ok(Err(error(&first)));
        }
        let id = u32::from_le_bytes(first[1..5].try_into().expect("four bytes"));
        let columns = u16::from_le_bytes([first[5], first[6]]);
        let parameters = u16::from_le_bytes([first[7], first[8]]);
        for count in [parameters, columns] {
            if count > 0 {
                let eof = u16::from(self.capabilities & DEPRECATE_EOF == 0);
                for _ in 0..count + eof {
                    self.packet()?;
                }
            }
        }
        Ok(Ok((id, columns, parameters)))
    }

    /// Executes with parameters that are all BIGINT, sending the types (`bound`) or not.
    pub fn execute(&mut self, id: u32, parameters: &[i64], bound: bool) -> Vec<Reply> {
        self.try_execute(id, parameters, bound).expect("an answer")
    }

    pub fn try_execute(&mut self, id: u32, parameters: &[i64], bound: bool) -> io::Result<Vec<Reply>> {
        let mut payload = vec![0x17];
        payload.extend(id.to_le_bytes());
        payload.push(0);
        payload.extend(1u32.to_le_bytes());
        if !parameters.is_empty() {
            payload.extend(vec![0; parameters.len().div_ceil(8)]);
            payload.push(u8::from(bound));
            if bound {
                payload.extend(parameters.iter().flat_map(|_| [8, 0]));
            }
            payload.extend(parameters.iter().flat_map(|p| p.to_le_bytes()));
        }
        self.command(&payload)?;
        self.replies(true)
    }

    /// Closes a statement; there is no answer.
    pub fn close(&mut self, id: u32) {
        self.command(&[&[0x19][..], &id.to_le_bytes()].concat()).expect("the connection stands");
    }

    /// Sends a command that is answered by OK or ERR.
    pub fn simple(&mut self, payload: &[u8]) -> Reply {
        self.command(payload).expect("the connection stands");
        let answer = self.packet().expect("an answer");
        match answer[0] {
            0x00 | 0xFE => Reply::Ok(done(&answer)),
            0xFF => Reply::Error(error(&answer)),
            _ => panic!("neither OK nor ERR: {answer:?}"),
        }
    }
}

impl Rows {
    pub fn value(&self) -> String {
        let row = self.rows.first().expect("a row");
        text(&row[0])
    }

    /// The rows as the `mysql` client prints them in batch mode, without its escapes.
    pub fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join("\t")).collect()
    }
}

fn text(value: &Option<Vec<u8>>) -> String {
    value.as_ref().map_or("NULL".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// A packet as it goes over the wire.
pub fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("at most 16 MiB");
    let [a, b, c, _] = len.to_le_bytes();
    [&[a, b, c, sequence], payload].concat()
}

/// An OK packet, or the one that ends rows under DEPRECATE_EOF.
pub fn done(payload: &[u8]) -> Done {
    let mut cursor = Cursor(&payload[1..]);
    if payload[0] == 0xFE && payload.len() == 5 {
        let (warnings, status) = (cursor.u16(), cursor.u16());
        return Done { status, warnings, ..Done::default() };
    }
    let (affected, last_id) = (cursor.int(), cursor.int());
    Done { affected, last_id, status: cursor.u16(), warnings: cursor.u16() }
}

pub fn error(payload: &[u8]) -> ServerError {
    let code = u16::from_le_bytes([payload[1], payload[2]]);
    let rest = &payload[3..];
    let (state, message) = match rest.strip_prefix(b"#") {
        Some(rest) => rest.split_at(5),
        None => (&b""[..], rest),
    };
    ServerError {
        code,
        state: String::from_utf8_lossy(state).into_owned(),
        message: String::from_utf8_lossy(message).into_owned(),
    }
}

/// The fifth of the strings of a column definition.
fn column_name(definition: &[u8]) -> String {
    let mut cursor = Cursor(definition);
    let strings: Vec<_> = (0..5).map(|_| cursor.value()).collect();
    text(&strings[4])
}

/// Reads from the front; a packet that is too short makes the test panic.
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (now, rest) = self.0.split_at(n);
        self.0 = rest;
        now
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take(2).try_into().expect("two bytes"))
    }

    /// A length-encoded integer.
    pub fn int(&mut self) -> u64 {
        let bytes = match self.take(1)[0] {
            0xFC => 2,
            0xFD => 3,
            0xFE => 8,
            small => return u64::from(small),
        };
        let mut value = [0; 8];
        value[..bytes].copy_from_slice(self.take(bytes));
        u64::from_le_bytes(value)
    }

    /// A length-encoded string, or the NULL of a text row.
    pub fn value(&mut self) -> Option<Vec<u8>> {
        if self.0.first() == Some(&0xFB) {
            self.take(1);
            return None;
        }
        let len = usize::try_from(self.int()).expect("fits memory");
        Some(self.take(len).to_vec())
    }
}
