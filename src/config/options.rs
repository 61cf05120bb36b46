//! One way to write a settings struct: a macro that keeps the field, its default, its unit and its
//! documentation on adjacent lines.
//!
//! From one list come the struct, `Default`, the strict reader and the rows of the reference
//! (`docs/configuration.md`), so that none of them can lag behind the others.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::problem::{Faults, Problem};
use crate::shard_map::document::Node;

/// The largest number of milliseconds or bytes: 34 years, one tebibyte. Sums of them cannot overflow.
const NUMBER_MAX: u64 = 1 << 40;

/// One row of the configuration reference.
#[derive(Debug, Clone)]
pub struct Row {
    /// The dotted path in the file, as `limits.connections_max`.
    pub path: String,
    /// What may be written there.
    pub kind: String,
    /// The default as it would be written; `None` where the field has to be given.
    pub default: Option<String>,
    pub help: String,
}

/// A value that can be read from a file and shown in the reference.
pub(super) trait Setting: Sized {
    /// Reads the value; relative paths begin at `base`. `None` where a fault was added.
    fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Self>;

    /// What may be written, for the reference.
    fn kind() -> String;

    /// This value as it would be written.
    fn show(&self) -> String;

    /// Appends the rows of this setting; a section appends one for each of its fields.
    fn rows(mut row: Row, rows: &mut Vec<Row>) {
        row.kind = Self::kind();
        rows.push(row);
    }
}

/// Declares a section: `name: Type = default` for each field with its documentation, and `[required]` behind
/// the type where the file has to say it.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $( $(#[doc = $help:literal])* $field:ident : $type:ty $([$mark:ident])? = $default:expr, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $help])* pub $field: $type, )*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $( $field: $default, )* }
            }
        }

        impl $crate::config::options::Setting for $name {
            fn read(
                node: &$crate::shard_map::document::Node,
                base: &std::path::Path,
                faults: &mut $crate::config::problem::Faults,
            ) -> Option<$name> {
                use $crate::config::options::{Setting, is_required};
                const KNOWN: &[&str] = &[$( stringify!($field), )*];
                let fields = $crate::shard_map::document::Fields::read(node, "this section", KNOWN, faults)?;
                let default = $name::default();
                Some($name {
                    $( $field: {
                        let name = stringify!($field);
                        let node = match is_required(stringify!($($mark)?)) {
                            true => fields.require(name, faults),
                            false => fields.get(name),
                        };
                        node.and_then(|node| <$type as Setting>::read(node, base, faults))
                            .unwrap_or(default.$field)
                    }, )*
                })
            }

            fn kind() -> String {
                String::from("section")
            }

            fn show(&self) -> String {
                String::from("absent")
            }

            fn rows(row: $crate::config::options::Row, rows: &mut Vec<$crate::config::options::Row>) {
                use $crate::config::options::{Row, Setting, is_required};
                let default = $name::default();
                $( {
                    let separator = if row.path.is_empty() { "" } else { "." };
                    let path = format!("{}{separator}{}", row.path, stringify!($field));
                    let required = is_required(stringify!($($mark)?));
                    let default = (!required).then(|| default.$field.show());
                    let help = [$($help,)*].map(str::trim).join(" ");
                    let kind = String::new();
                    <$type as Setting>::rows(Row { path, kind, default, help }, rows);
                } )*
            }
        }
    };
}

/// Declares how the variants of an enum are written.
macro_rules! words {
    ($name:ident { $( $variant:ident = $word:literal, )* }) => {
        impl $crate::config::options::Setting for $name {
            fn read(
                node: &$crate::shard_map::document::Node,
                _base: &std::path::Path,
                faults: &mut $crate::config::problem::Faults,
            ) -> Option<$name> {
                let index = node.choice(&[$($word),*], faults)?;
                Some([$($name::$variant),*][index])
            }

            fn kind() -> String {
                [$( concat!("`", $word, "`") ),*].join(", ")
            }

            fn show(&self) -> String {
                String::from(match self { $( $name::$variant => $word, )* })
            }
        }
    };
}

pub(super) use {section, words};

pub(super) fn is_required(mark: &str) -> bool {
    mark == "required"
}

impl Setting for u32 {
    fn read(node: &Node, _base: &Path, faults: &mut Faults) -> Option<u32> {
        let value = node.integer(1, u32::MAX.into(), faults)?;
        u32::try_from(value).ok()
    }

    fn kind() -> String {
        format!("1 to {}", u32::MAX)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for u64 {
    fn read(node: &Node, _base: &Path, faults: &mut Faults) -> Option<u64> {
        node.integer(1, NUMBER_MAX, faults)
    }

    fn kind() -> String {
        format!("1 to {NUMBER_MAX}")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for bool {
    fn read(node: &Node, _base: &Path, faults: &mut Faults) -> Option<bool> {
        node.choice(&["false", "true"], faults).map(|index| index == 1)
    }

    fn kind() -> String {
        String::from("`true`, `false`")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    fn read(node: &Node, _base: &Path, faults: &mut Faults) -> Option<String> {
        let text = node.text("text", faults)?;
        if text.is_empty() || text.chars().any(char::is_control) {
            faults.add(node.at, Problem::BadText);
            return None;
        }
        Some(text.to_owned())
    }

    fn kind() -> String {
        String::from("text")
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Setting for PathBuf {
    fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<PathBuf> {
        let text = node.text("a path", faults)?;
        if text.is_empty() || text.contains('\0') {
            faults.add(node.at, Problem::BadText);
            return None;
        }
        Some(base.join(text))
    }

    fn kind() -> String {
        String::from("path")
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for SocketAddr {
    fn read(node: &Node, _base: &Path, faults: &mut Faults) -> Option<SocketAddr> {
        let text = node.text("`ADDRESS:PORT`", faults)?;
        let address = text.parse().ok();
        if address.is_none() {
            let text = text.into();
            faults.add(node.at, Problem::NotAddress { text });
        }
        address
    }

    fn kind() -> String {
        String::from("`ADDRESS:PORT`")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<T: Setting + PartialEq> Setting for Vec<T> {
    fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Vec<T>> {
        let mut values = Vec::new();
        for node in node.list("a list", faults)? {
            match T::read(node, base, faults) {
                Some(value) if values.contains(&value) => faults.add(node.at, Problem::Twice),
                Some(value) => values.push(value),
                None => {}
            }
            if faults.are_full() {
                break;
            }
        }
        Some(values)
    }

    fn kind() -> String {
        format!("list of {}", T::kind())
    }

    fn show(&self) -> String {
        let values: Vec<String> = self.iter().map(Setting::show).collect();
        format!("[\"{}\"]", values.join("\", \""))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(node: &Node, base: &Path, faults: &mut Faults) -> Option<Option<T>> {
        T::read(node, base, faults).map(Some)
    }

    fn kind() -> String {
        T::kind()
    }

    fn show(&self) -> String {
        match self {
            Some(value) => value.show(),
            None => String::from("absent"),
        }
    }

    fn rows(row: Row, rows: &mut Vec<Row>) {
        T::rows(row, rows);
    }
}
