//! The values that a label may take. They are enums, so that no client's text ever becomes one.

/// A closed set of label values.
pub trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// All values as they are exported, by [`Label::index`].
    const VALUES: &'static [&'static str];

    fn index(self) -> usize;
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
        /// Answered without a server.
        Local = "local",
        /// Answered with an error of ours.
        Refused = "refused",
    }
}

label! {
    /// Why a login ended.
    LoginFailure as "reason" {
        Credentials = "credentials",
        Database = "database",
        Tls = "tls",
        Timeout = "timeout",
        Malformed = "malformed",
        Capacity = "capacity",
    }
}

label! {
    /// Why a statement was not planned.
    RefusalKind as "reason" {
        /// The grammar that this version does not serve.
        NotYet = "not_yet",
        /// What no proxy can do without changing its meaning.
        Unsound = "unsound",
        /// A limit of the configuration.
        Limit = "limit",
    }
}
