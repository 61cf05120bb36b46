//! Names that may stand before a parenthesis without calling anything that a user wrote.
//!
//! `BUILTINS` is the union over MariaDB 10.6 to 12 and MySQL 8.0 to 9: native functions, functions that are
//! part of the grammar, and operators written like functions. Loadable functions are not in it. Sources:
//! information_schema.SQL_FUNCTIONS of MariaDB 10.11, `func_array` in sql/item_create.cc and the grammars.
//! Invariant: both tables are sorted and in lower case (a test holds it).

/// Whether `word` is a builtin function of either family, in any case.
pub(super) fn is_builtin(word: &[u8]) -> bool {
    contains(&BUILTINS, word)
}

/// Whether `word` before a parenthesis is grammar: `IN (`, `VALUES (`, `DECIMAL (`.
pub(super) fn is_grammar(word: &[u8]) -> bool {
    contains(&GRAMMAR, word)
}

fn contains(table: &[&str], word: &[u8]) -> bool {
    let lower = word.iter().map(u8::to_ascii_lowercase);
    table.binary_search_by(|name| name.bytes().cmp(lower.clone())).is_ok()
}

#[rustfmt::skip]
static BUILTINS: [&str; 613] = [
    "abs", "acos", "add_months", "adddate", "addtime", "aes_decrypt", "aes_encrypt", "any_value", "area",
    "asbinary", "ascii", "asin", "astext", "aswkb", "aswkt", "atan", "atan2", "avg", "benchmark", "bin",
    "bin_to_uuid", "binlog_gtid_pos", "bit_and", "bit_count", "bit_length", "bit_or", "bit_xor", "boundary",
    "buffer", "can_access_column", "can_access_database", "can_access_event", "can_access_resource_group",
    "can_access_routine", "can_access_table", "can_access_trigger", "can_access_user", "can_access_view", "cast",
    "ceil", "ceiling", "centroid", "char", "char_length", "character_length", "charset", "chr", "coalesce",
    "coercibility", "collation", "column_add", "column_check", "column_create", "column_delete", "column_exists",
    "column_get", "column_json", "column_list", "compress", "concat", "concat_operator_oracle", "concat_ws",
    "connection_id", "contains", "conv", "convert", "convert_cpu_id_mask", "convert_interval_to_user_interval",
    "convert_tz", "convexhull", "cos", "cot", "count", "crc32", "crc32c", "crosses", "cume_dist", "curdate",
    "current_date", "current_role", "current_time", "current_timestamp", "current_user", "curtime", "database",
    "date", "date_add", "date_format", "date_sub", "datediff", "datetime", "day", "dayname", "dayofmonth",
    "dayofweek", "dayofyear", "decode", "decode_histogram", "decode_oracle", "default", "degrees", "dense_rank",
    "des_decrypt", "des_encrypt", "dimension", "disjoint", "elt", "encode", "encrypt", "endpoint", "envelope",
    "equals", "etag", "exp", "export_set", "exteriorring", "extract", "extractvalue", "field", "find_in_set",
    "first_value", "floor", "format", "format_bytes", "format_pico_time", "format_statement", "found_rows",
    "from_base64", "from_days", "from_unixtime", "from_vector", "geomcollection", "geomcollfromtext",
    "geomcollfromwkb", "geometrycollection", "geometrycollectionfromtext", "geometrycollectionfromwkb",
    "geometryfromtext", "geometryfromwkb", "geometryn", "geometrytype", "geomfromtext", "geomfromwkb",
    "get_dd_column_privileges", "get_dd_create_options", "get_dd_index_private_data",
    "get_dd_index_sub_part_length", "get_dd_property_key_value", "get_dd_schema_options",
    "get_dd_tablespace_private_data", "get_format", "get_lock", "glength", "greatest", "group_concat", "grouping",
    "gtid_subset", "gtid_subtract", "hex", "hour", "icu_version", "if", "ifnull", "inet6_aton", "inet6_ntoa",
    "inet_aton", "inet_ntoa", "insert", "instr", "interiorringn", "internal_auto_increment",
    "internal_avg_row_length", "internal_check_time", "internal_checksum", "internal_data_free",
    "internal_data_length", "internal_dd_char_length", "internal_get_comment_or_error",
    "internal_get_dd_column_extra", "internal_get_enabled_role_json", "internal_get_hostname",
    "internal_get_mandatory_roles_json", "internal_get_partition_nodegroup", "internal_get_username",
    "internal_get_view_warning_or_error", "internal_index_column_cardinality", "internal_index_length",
    "internal_is_enabled_role", "internal_is_mandatory_role", "internal_keys_disabled", "internal_max_data_length",
    "internal_table_rows", "internal_tablespace_autoextend_size", "internal_tablespace_data_free",
    "internal_tablespace_extra", "internal_tablespace_free_extents", "internal_tablespace_id",
    "internal_tablespace_initial_size", "internal_tablespace_logfile_group_name",
    "internal_tablespace_logfile_group_number", "internal_tablespace_maximum_size",
    "internal_tablespace_row_format", "internal_tablespace_status", "internal_tablespace_total_extents",
    "internal_tablespace_type", "internal_tablespace_version", "internal_update_time", "intersects", "interval",
    "is_free_lock", "is_ipv4", "is_ipv4_compat", "is_ipv4_mapped", "is_ipv6", "is_used_lock", "is_uuid",
    "is_visible_dd_object", "isclosed", "isempty", "isnull", "isring", "issimple", "json", "json_array",
    "json_array_append", "json_array_insert", "json_array_intersect", "json_arrayagg", "json_compact",
    "json_contains", "json_contains_path", "json_depth", "json_detailed", "json_duality_object", "json_equals",
    "json_exists", "json_extract", "json_insert", "json_key_value", "json_keys", "json_length", "json_loose",
    "json_merge", "json_merge_patch", "json_merge_preserve", "json_normalize", "json_object",
    "json_object_filter_keys", "json_object_to_array", "json_objectagg", "json_overlaps", "json_pretty",
    "json_query", "json_quote", "json_remove", "json_replace", "json_schema_valid", "json_schema_validation_report",
    "json_search", "json_set", "json_storage_free", "json_storage_size", "json_table", "json_type", "json_unquote",
    "json_valid", "json_value", "kdf", "lag", "last_day", "last_insert_id", "last_value", "lastval", "lcase",
    "lead", "least", "left", "length", "lengthb", "like_range_max", "like_range_min", "linefromtext", "linefromwkb",
    "linestring", "linestringfromtext", "linestringfromwkb", "ln", "load_file", "localtime", "localtimestamp",
    "locate", "log", "log10", "log2", "lower", "lpad", "lpad_oracle", "ltrim", "ltrim_oracle", "make_set",
    "makedate", "maketime", "master_gtid_wait", "master_pos_wait", "match", "max", "mbrcontains", "mbrcoveredby",
    "mbrcovers", "mbrdisjoint", "mbrequal", "mbrequals", "mbrintersects", "mbroverlaps", "mbrtouches", "mbrwithin",
    "md5", "median", "microsecond", "mid", "min", "minute", "mlinefromtext", "mlinefromwkb", "mod", "month",
    "monthname", "mpointfromtext", "mpointfromwkb", "mpolyfromtext", "mpolyfromwkb", "multilinestring",
    "multilinestringfromtext", "multilinestringfromwkb", "multipoint", "multipointfromtext", "multipointfromwkb",
    "multipolygon", "multipolygonfromtext", "multipolygonfromwkb", "name_const", "natural_sort_key", "nchar",
    "nextval", "now", "nth_value", "ntile", "nullif", "numgeometries", "numinteriorrings", "numpoints", "nvl",
    "nvl2", "oct", "octet_length", "old_password", "ord", "overlaps", "password", "percent_rank", "percentile_cont",
    "percentile_disc", "period_add", "period_diff", "pi", "point", "pointfromtext", "pointfromwkb", "pointn",
    "pointonsurface", "polyfromtext", "polyfromwkb", "polygon", "polygonfromtext", "polygonfromwkb", "position",
    "pow", "power", "ps_current_thread_id", "ps_thread_id", "quarter", "quote", "radians", "rand", "random_bytes",
    "rank", "regexp_instr", "regexp_like", "regexp_replace", "regexp_substr", "release_all_locks", "release_lock",
    "remove_dd_property_key", "repeat", "replace", "replace_oracle", "reverse", "right", "roles_graphml", "round",
    "row_count", "row_number", "rownum", "rpad", "rpad_oracle", "rtrim", "rtrim_oracle", "schema", "sec_to_time", "second",
    "session_user", "setval", "sformat", "sha", "sha1", "sha2", "sign", "sin", "sleep", "soundex",
    "source_pos_wait", "space", "sqrt", "srid", "st_area", "st_asbinary", "st_asgeojson", "st_astext", "st_aswkb",
    "st_aswkt", "st_boundary", "st_buffer", "st_buffer_strategy", "st_centroid", "st_collect", "st_contains",
    "st_convexhull", "st_crosses", "st_difference", "st_dimension", "st_disjoint", "st_distance",
    "st_distance_sphere", "st_endpoint", "st_envelope", "st_equals", "st_exteriorring", "st_frechetdistance",
    "st_geohash", "st_geomcollfromtext", "st_geomcollfromtxt", "st_geomcollfromwkb",
    "st_geometrycollectionfromtext", "st_geometrycollectionfromwkb", "st_geometryfromtext", "st_geometryfromwkb",
    "st_geometryn", "st_geometrytype", "st_geomfromgeojson", "st_geomfromtext", "st_geomfromwkb",
    "st_hausdorffdistance", "st_interiorringn", "st_intersection", "st_intersects", "st_isclosed",
    "st_iscollection", "st_isempty", "st_isring", "st_issimple", "st_isvalid", "st_latfromgeohash", "st_latitude",
    "st_length", "st_linefromtext", "st_linefromwkb", "st_lineinterpolatepoint", "st_lineinterpolatepoints",
    "st_linestringfromtext", "st_linestringfromwkb", "st_longfromgeohash", "st_longitude", "st_makeenvelope",
    "st_mlinefromtext", "st_mlinefromwkb", "st_mpointfromtext", "st_mpointfromwkb", "st_mpolyfromtext",
    "st_mpolyfromwkb", "st_multilinestringfromtext", "st_multilinestringfromwkb", "st_multipointfromtext",
    "st_multipointfromwkb", "st_multipolygonfromtext", "st_multipolygonfromwkb", "st_numgeometries",
    "st_numinteriorring", "st_numinteriorrings", "st_numpoints", "st_overlaps", "st_pointatdistance",
    "st_pointfromgeohash", "st_pointfromtext", "st_pointfromwkb", "st_pointn", "st_pointonsurface",
    "st_polyfromtext", "st_polyfromwkb", "st_polygonfromtext", "st_polygonfromwkb", "st_relate", "st_simplify",
    "st_srid", "st_startpoint", "st_swapxy", "st_symdifference", "st_touches", "st_transform", "st_union",
    "st_validate", "st_within", "st_x", "st_y", "startpoint", "statement_digest", "statement_digest_text", "std",
    "stddev", "stddev_pop", "stddev_samp", "str_to_date", "strcmp", "string_to_vector", "subdate", "substr",
    "substr_oracle", "substring", "substring_index", "subtime", "sum", "sys_guid", "sysdate", "system_user", "tan",
    "time", "time_format", "time_to_sec", "timediff", "timestamp", "timestampadd", "timestampdiff", "to_base64",
    "to_char", "to_date", "to_days", "to_number", "to_seconds", "to_vector", "touches", "trim", "trim_oracle",
    "trt_begin_ts", "trt_commit_id", "trt_commit_ts", "trt_iso_level", "trt_trx_id", "trt_trx_sees",
    "trt_trx_sees_eq", "trunc", "truncate", "ucase", "uncompress", "uncompressed_length", "unhex", "unix_timestamp",
    "updatexml", "upper", "user", "utc_date", "utc_time", "utc_timestamp", "uuid", "uuid_short", "uuid_to_bin",
    "uuid_v4", "uuid_v7", "validate_password_strength", "value", "values", "var_pop", "var_samp", "variance",
    "vec_distance", "vec_distance_cosine", "vec_distance_euclidean", "vec_fromtext", "vec_totext", "vector_dim",
    "vector_to_string", "version", "wait_for_executed_gtid_set", "week", "weekday", "weekofyear", "weight_string",
    "within", "wsrep_last_seen_gtid", "wsrep_last_written_gtid", "wsrep_sync_wait_upto_gtid", "x", "y", "year",
    "yearweek",
];

#[rustfmt::skip]
static GRAMMAR: [&str; 115] = [
    "accessible", "against", "all", "and", "any", "as", "asc", "between", "bigint", "binary", "bit", "blob", "by",
    "case", "char", "character", "check", "collate", "columns", "constraint", "cross", "cube", "dec", "decimal",
    "desc", "distinct", "distinctrow", "div", "double", "else", "enum", "escape", "except", "exists", "explain",
    "fixed", "float", "for", "force", "foreign", "from", "group", "having", "ignore", "in", "index", "inner", "int",
    "integer", "intersect", "is", "join", "key", "keys", "lateral", "like", "limit", "mediumint", "minus",
    "natural", "nchar", "not", "numeric", "nvarchar", "of", "offset", "on", "or", "order", "outer", "over",
    "partition", "partitions", "precision", "primary", "procedure", "real", "recursive", "references", "regexp",
    "return", "returning", "returns", "rlike", "roll", "rollup", "row", "select", "separator", "set", "signed",
    "smallint", "some", "sounds", "straight_join", "table", "then", "tinyint", "to", "union", "unique", "unsigned",
    "update", "use", "using", "value", "values", "varbinary", "varchar", "varchar2", "when", "where", "window",
    "with", "xor",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        for table in [&BUILTINS[..], &GRAMMAR[..]] {
            assert!(table.is_sorted_by(|a, b| a < b));
            assert!(table.iter().all(|name| name.bytes().all(|byte| !byte.is_ascii_uppercase())));
        }
    }

    #[test]
    fn names() {
        let check = |word: &str, builtin: bool, grammar: bool| {
            assert_eq!((is_builtin(word.as_bytes()), is_grammar(word.as_bytes())), (builtin, grammar), "{word}");
        };
        check("count", true, false);
        check("CoUnT", true, false);
        check("json_table", true, false);
        check("st_distance_sphere", true, false);
        check("uuid_to_bin", true, false);
        check("IN", false, true);
        check("my_function", false, false);
        check("", false, false);
    }
}
