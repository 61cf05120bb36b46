//! The integer types of MySQL and MariaDB: what they are called and what they hold.

use std::fmt;

/// An integer column type with the values it can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegerType {
    /// 1, 2, 3, 4 or 8.
    pub bytes: u8,
    pub unsigned: bool,
}

impl IntegerType {
    pub fn min(self) -> i128 {
        match self.unsigned {
            true => 0,
            false => -(1 << (self.bits() - 1)),
        }
    }

    pub fn max(self) -> i128 {
        match self.unsigned {
            true => (1 << self.bits()) - 1,
            false => (1 << (self.bits() - 1)) - 1,
        }
    }

    pub fn holds(self, value: i128) -> bool {
        (self.min()..=self.max()).contains(&value)
    }

    fn bits(self) -> u32 {
        8 * u32::from(self.bytes)
    }
}

impl fmt::Display for IntegerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.bytes {
            1 => "tinyint",
            2 => "smallint",
            3 => "mediumint",
            4 => "int",
            _ => "bigint",
        })?;
        f.write_str(if self.unsigned { " unsigned" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_the_manual_says() {
        // MySQL manual, 13.1.2 Integer Types.
        let limits = |bytes, unsigned| {
            let integer = IntegerType { bytes, unsigned };
            (integer.min(), integer.max())
        };
        assert_eq!(limits(1, false), (-128, 127));
        assert_eq!(limits(2, true), (0, 65_535));
        assert_eq!(limits(3, false), (-8_388_608, 8_388_607));
        assert_eq!(limits(4, true), (0, 4_294_967_295));
        assert_eq!(limits(8, false), (i64::MIN.into(), i64::MAX.into()));
        assert_eq!(limits(8, true), (0, u64::MAX.into()));
    }
}
