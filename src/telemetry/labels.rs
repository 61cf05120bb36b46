//! The values that a label may take. They are enums, so that no client's text ever becomes one.

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// All values as they are exported, by [`Label::index`].
    const VALUES: &'static [&'static str];

    fn index(self) -> usize;

    /// As it is exported.
    fn value(self) -> &'static str {
        Self::VALUES[self.index()]
    }
}

macro_rules! label {
    ($(#[doc = $about:literal])* $name:ident as $label:literal { $( $(#[doc = $help:literal])* $variant:ident = $value:literal, )* }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $( $(#[doc = $help])* $variant, )*
        }

        impl Label for $name {
            const NAME: &'static str = $label;
            const VALUES: &'static [&'static str] = &[$($value),*];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// What a statement was, as far as the relay is concerned.
    Class as "class" {
        /// Relayed to one shard, certainly a read.
        Read = "read",
        /// Relayed to one shard, anything but certainly a read.
        Write = "write",
        /// BEGIN, COMMIT, SAVEPOINT and the like.
        Transaction = "transaction",
        /// SET, USE and what else changes the session only.
        Session = "session",
        /// Answered by the proxy itself.
        Local = "local",
        /// Not planned, or without a shard to go to.
        Refused = "refused",
    }
}

label! {
    /// What a probe found of a member.
    MemberRole as "role" {
        /// Not probed yet.
        Unknown = "unknown",
        Unreachable = "unreachable",
        Writable = "writable",
        Replica = "replica",
        /// Read-only, and no replica as far as is known.
        ReadOnly = "read_only",
    }
}

label! {
    /// What became of a changed file.
    Reload as "result" {
        TakenUp = "taken_up",
        /// It is faulty, or may not follow the one in force.
        Refused = "refused",
    }
}

label! {
    /// What is read from files.
    Source as "file" {
        Config = "config",
        Map = "map",
        Accounts = "accounts",
        /// Of the listener.
        Certificate = "certificate",
    }
}

label! {
    /// Why a login ended.
    LoginFailure as "reason" {
        /// An unknown user or a wrong password.
        Credentials = "credentials",
        /// A database that is unknown, or not the account's.
        Database = "database",
        /// A TLS handshake that failed, or none where one is required.
        Tls = "tls",
        /// The limit on the time of a login.
        Timeout = "timeout",
        /// What the protocol does not allow.
        Malformed = "malformed",
        /// The limit on connections.
        Capacity = "capacity",
        /// The client left, as one does that only looks whether the port is open.
        Closed = "closed",
        /// The system has no random bytes.
        Internal = "internal",
    }
}

label! {
    /// Why a statement was refused.
    RefusalKind as "reason" {
        /// It needs several shards, or does not say which one.
        Shards = "shards",
        /// A key in a form that names no shard, or that would move its row.
        Key = "key",
        /// A database or a table that the map does not have.
        Name = "name",
        /// What concerns one server, and not the map.
        Server = "server",
        /// A construct that this version does not serve.
        Construct = "construct",
        /// Text that cannot be read with certainty.
        Unreadable = "unreadable",
        /// What this session did before: its transaction, its variables, its limits.
        Session = "session",
    }
}
