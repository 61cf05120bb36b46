//! The bounds on everything that grows or waits.
//!
//! Invariant: whatever a client or a server can make larger has a cap here, with its unit last.

use super::RecordMode;
use super::options::section;

section! {
    /// Bounds on memory, connections and waiting.
    pub struct Limits {
        /// Client connections at once; a further one gets error 1040 (too many connections).
        connections_max: u32 = 10_000,
        /// Client connections of one user at once; a further one gets error 1203.
        user_connections_max: u32 = 10_000,
        /// Milliseconds from accept to the end of the login; then the connection is closed.
        login_timeout_ms: u64 = 10_000,
        /// Bytes held of one client before it has logged in.
        login_bytes_max: u64 = 64 * 1024,
        /// Bytes of one command of a client; a longer one gets error 1153.
        packet_bytes_max: u64 = 64 * 1024 * 1024,
        /// Prepared statements open in one session; a further one gets error 1461.
        prepared_statements_max: u32 = 16_382,
        /// Bytes of SEND_LONG_DATA held for one session until its statement is executed.
        long_data_bytes_max: u64 = 64 * 1024 * 1024,
        /// SET variables remembered for one session, user variables included.
        session_variables_max: u32 = 256,
        /// Bytes of SET variables remembered for one session.
        session_state_bytes_max: u64 = 64 * 1024,
        /// Milliseconds that a client may take no byte of a reply, or give none of a file that is loaded, before its statement is
        /// cancelled and its session ended.
        client_stall_ms_max: u64 = 60_000,
        /// Milliseconds that a statement may run; then it is cancelled on its servers and gets error 3024. Absent, any time.
        statement_ms_max: Option<u64> = None,
        /// Milliseconds that a session may wait for its client outside a transaction; then it is closed with error 4031.
        idle_ms_max: u64 = 28_800_000,
        /// The same inside a transaction, which is rolled back. Absent, as long as the transaction may take.
        transaction_idle_ms_max: Option<u64> = None,
        /// Milliseconds from the first statement of a transaction to its end; between two statements behind that it is rolled
        /// back and its session closed with error 4031. Absent, any time.
        transaction_ms_max: Option<u64> = None,
        /// Bytes of the reply to one statement; what is longer is broken off with error 1317, and with it an open
        /// transaction and its session. Absent, any number.
        result_bytes_max: Option<u64> = None,
        /// Connections to one member for all sessions of one backend account.
        pool_connections_max: u32 = 64,
        /// Of these so many are kept open while nobody uses them, to each member that statements go to. Absent, none.
        pool_connections_min: Option<u32> = None,
        /// Statements that may wait for a connection to one member; a further one gets error 1040 at once.
        pool_waiting_max: u32 = 10_000,
        /// Milliseconds that a statement may wait for a connection.
        pool_wait_ms_max: u64 = 10_000,
        /// Milliseconds that a pooled connection may be idle; then it is closed. Each has a bound of its own, up to a tenth lower.
        pool_idle_ms_max: u64 = 60_000,
        /// Milliseconds that a pooled connection may be old; then it is closed when it is idle. Up to a tenth lower as well.
        pool_age_ms_max: u64 = 3_600_000,
        /// Milliseconds to connect and log in to a member.
        backend_connect_ms_max: u64 = 3_000,
        /// Milliseconds that a statement may wait for a writable member of its group; then it gets error 1290.
        primary_wait_ms_max: u64 = 10_000,
        /// Bytes of cached plans of the whole process.
        plan_cache_bytes_max: u64 = 64 * 1024 * 1024,
    }
}

section! {
    /// How the servers are watched: whether each answers, and whether it may be written.
    pub struct Probe {
        /// Milliseconds from one probe of a server to the next.
        interval_ms: u64 = 1_000,
        /// Milliseconds that a probe may take, with connecting and login; a server that takes longer is out of use.
        timeout_ms: u64 = 1_000,
        /// Milliseconds between two probes of a server that does not answer, at most; the delay doubles from `interval_ms`.
        backoff_ms_max: u64 = 5_000,
        /// Milliseconds that a replica may be late, by its own figure in whole seconds, for reads to go there that the map
        /// lets go to others than the primary.
        lag_ms_max: u64 = 5_000,
        /// The `name` of the backend that probes log in as; absent, the first one of the accounts.
        backend: Option<String> = None,
    }
}

section! {
    /// What the groups keep of the map, so that no proxy serves one that gives rows another owner unannounced.
    pub struct Ownership {
        /// Whether each group keeps the map on record, in the table `meridian.ownership` of the server that is written:
        /// `granted`, where the account of the probes has the right to; `required`, in all, or nothing is served; `off`, nowhere.
        record: RecordMode = RecordMode::Granted,
    }
}

section! {
    /// How changed files are taken up: the map, the accounts and what they name, certificates, and `log.level`.
    pub struct Reload {
        /// Milliseconds between two looks at the files; SIGHUP asks for one at once.
        poll_ms: u64 = 1_000,
    }
}

section! {
    /// How the process ends: no new connections, idle sessions close, others at their next boundary, then no mercy.
    pub struct Drain {
        /// Milliseconds after SIGTERM in which clients are served as before, new ones as well, while `/readyz` says no: what
        /// sends clients here needs time to hear that. A second SIGTERM, or SIGINT, ends this time. Absent, there is none.
        accept_ms: Option<u64> = None,
        /// Milliseconds after that when sessions are closed that are still inside a statement or a transaction;
        /// all others end at once.
        hard_ms: u64 = 60_000,
    }
}
