//! What a function is for a concatenation. A name that is in none of the lists is `Other`, and refused.
//!
//! Left out on purpose: what reads the server or the connection (DATABASE(), VERSION(), USER(), CONNECTION_ID(),
//! LOAD_FILE()), what the table's other rows or its definition decide (MATCH, DEFAULT()), what counts on
//! (RAND(), UUID_SHORT()), locks, and functions about the previous statement.

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// Its value depends on its arguments, and on settings that each of the session's connections has.
    Scalar,
    Aggregate,
    Window,
    /// The time on each server.
    Clock,
    Other,
}

/// What the function of this name is. `empty`: it is called without arguments.
pub fn called(name: &[u8], empty: bool) -> Called {
    let lower = name.to_ascii_lowercase();
    let Ok(name) = std::str::from_utf8(&lower) else {
        return Called::Other;
    };
    if WINDOWS.contains(&name) {
        Called::Window
    } else if name == "grouping" || AGGREGATES.iter().any(|aggregate| aggregate.eq_ignore_ascii_case(name)) {
        Called::Aggregate
    } else if CLOCKS.contains(&name) || (empty && name == "unix_timestamp") {
        Called::Clock
    } else if SCALARS.binary_search(&name).is_ok() {
        Called::Scalar
    } else {
        Called::Other
    }
}

/// Functions whose call makes a SELECT without GROUP BY answer one row where it finds none: their columns are NULL there.
#[rustfmt::skip]
pub(in crate::plan) const AGGREGATES: &[&str] = &[
    "ANY_VALUE", "AVG", "BIT_AND", "BIT_OR", "BIT_XOR", "COUNT", "GROUP_CONCAT", "JSON_ARRAYAGG", "JSON_OBJECTAGG",
    "MAX", "MEDIAN", "MIN", "PERCENTILE_CONT", "PERCENTILE_DISC", "STD", "STDDEV", "STDDEV_POP", "STDDEV_SAMP",
    "ST_COLLECT", "SUM", "VARIANCE", "VAR_POP", "VAR_SAMP",
];

#[rustfmt::skip]
const WINDOWS: [&str; 13] = [
    "cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "nth_value", "ntile", "percent_rank",
    "percentile_cont", "percentile_disc", "rank", "row_number",
];

#[rustfmt::skip]
const CLOCKS: [&str; 12] = [
    "curdate", "current_date", "current_time", "current_timestamp", "curtime", "localtime", "localtimestamp", "now",
    "sysdate", "utc_date", "utc_time", "utc_timestamp",
];

#[rustfmt::skip]
static SCALARS: [&str; 274] = [
    "abs", "acos", "adddate", "addtime", "aes_decrypt", "aes_encrypt", "ascii", "asin", "atan", "atan2", "bin",
    "bin_to_uuid", "bit_count", "bit_length", "cast", "ceil", "ceiling", "char", "char_length", "character_length",
    "charset", "chr", "coalesce", "coercibility", "collation", "compress", "concat", "concat_ws", "conv", "convert",
    "convert_tz", "cos", "cot", "crc32", "crc32c", "date", "date_add", "date_format", "date_sub", "datediff", "day",
    "dayname", "dayofmonth", "dayofweek", "dayofyear", "degrees", "elt", "exp", "export_set", "extract",
    "extractvalue", "field", "find_in_set", "floor", "format", "from_base64", "from_days", "from_unixtime",
    "greatest", "hex", "hour", "if", "ifnull", "inet6_aton", "inet6_ntoa", "inet_aton", "inet_ntoa", "insert",
    "instr", "interval", "is_ipv4", "is_ipv4_compat", "is_ipv4_mapped", "is_ipv6", "is_uuid", "isnull", "json_array",
    "json_array_append", "json_array_insert", "json_compact", "json_contains", "json_contains_path", "json_depth",
    "json_detailed", "json_equals", "json_exists", "json_extract", "json_insert", "json_keys", "json_length",
    "json_loose", "json_merge", "json_merge_patch", "json_merge_preserve", "json_normalize", "json_object",
    "json_overlaps", "json_pretty", "json_query", "json_quote", "json_remove", "json_replace", "json_search",
    "json_set", "json_type", "json_unquote", "json_valid", "json_value", "last_day", "lcase", "least", "left",
    "length", "lengthb", "ln", "locate", "log", "log10", "log2", "lower", "lpad", "ltrim", "make_set", "makedate",
    "maketime", "mbrcontains", "mbrcoveredby", "mbrcovers", "mbrdisjoint", "mbrequals", "mbrintersects",
    "mbroverlaps", "mbrtouches", "mbrwithin", "md5", "microsecond", "mid", "minute", "mod", "month", "monthname",
    "natural_sort_key", "nullif", "nvl", "nvl2", "oct", "octet_length", "ord", "period_add", "period_diff", "pi",
    "point", "position", "pow", "power", "quarter", "quote", "radians", "regexp_instr", "regexp_like",
    "regexp_replace", "regexp_substr", "repeat", "replace", "reverse", "right", "round", "rpad", "rtrim",
    "sec_to_time", "second", "sformat", "sha", "sha1", "sha2", "sign", "sin", "sleep", "soundex", "space", "sqrt",
    "st_area", "st_asbinary", "st_asgeojson", "st_astext", "st_aswkb", "st_aswkt", "st_buffer", "st_centroid",
    "st_contains", "st_convexhull", "st_crosses", "st_difference", "st_dimension", "st_disjoint", "st_distance",
    "st_distance_sphere", "st_endpoint", "st_envelope", "st_equals", "st_exteriorring", "st_geohash",
    "st_geometryfromtext", "st_geometryn", "st_geometrytype", "st_geomfromgeojson", "st_geomfromtext",
    "st_geomfromwkb", "st_interiorringn", "st_intersection", "st_intersects", "st_isclosed", "st_isempty",
    "st_isring", "st_issimple", "st_latitude", "st_length", "st_longitude", "st_numgeometries", "st_numinteriorrings",
    "st_numpoints", "st_overlaps", "st_pointfromtext", "st_pointn", "st_srid", "st_startpoint", "st_symdifference",
    "st_touches", "st_transform", "st_union", "st_within", "st_x", "st_y", "str_to_date", "strcmp", "subdate",
    "substr", "substring", "substring_index", "subtime", "tan", "time", "time_format", "time_to_sec", "timediff",
    "timestamp", "timestampadd", "timestampdiff", "to_base64", "to_char", "to_days", "to_seconds", "trim", "truncate",
    "ucase", "uncompress", "uncompressed_length", "unhex", "unix_timestamp", "updatexml", "upper", "uuid",
    "uuid_to_bin", "vec_distance", "vec_distance_cosine", "vec_distance_euclidean", "vec_fromtext", "vec_totext",
    "week", "weekday", "weekofyear", "weight_string", "year", "yearweek",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::{Flags, facts};

    #[test]
    fn the_scalars_are_sorted() {
        assert!(SCALARS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_name_is_a_builtin() {
        for name in SCALARS.iter().chain(AGGREGATES).chain(&WINDOWS).chain(&CLOCKS) {
            let read = facts(format!("SELECT {name}(a) FROM t").as_bytes());
            assert!(!read.flags.contains(Flags::UNKNOWN_FUNCTION), "{name}");
        }
    }

    #[test]
    fn a_scalar_has_no_sign_of_state() {
        for name in SCALARS {
            let read = facts(format!("SELECT {name}(a) FROM t").as_bytes());
            assert!(read.flags.is_empty() || read.flags == Flags::CLOCK, "{name}: {:?}", read.flags);
        }
    }
}
