//! One way to write a settings struct: a macro that keeps the field, its default, its unit and its
//! documentation on adjacent lines.
//!
//! From one list come the struct, `Default`, the strict reader and the rows of the reference
//! (`docs/configuration.md`), so that none of them can lag behind the others.

/// One row of the configuration reference.
#[derive(Debug, Clone)]
pub struct Row {
    /// The dotted path in the file, as `limits.connections_max`.
    pub path: String,
    /// What may be written there.
    pub kind: &'static str,
    /// The default as it would be written; `None` where the field has to be given.
    pub default: Option<String>,
    pub help: String,
}

/// A struct of settings that can be read from a mapping and documented.
#[allow(dead_code)]
pub trait Section: Sized {
    /// Appends one row for each setting, nested sections included.
    fn rows(prefix: &str, rows: &mut Vec<Row>);
}

/// Declares a section: `name: Type = default` for each field, with its documentation.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $( $(#[doc = $help:literal])* $field:ident : $type:ty = $default:expr, )*
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
    };
}

pub(super) use section;
