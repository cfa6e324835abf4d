//! The names of values in files, JSON and on the command line, and the texts of identifiers.

use core::fmt;

/// Names the variants of a field's enum: `ALL`, `name`, `Display` and `FromStr`.
macro_rules! named {
    ($type:ident, $what:literal: $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// All values.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name in files, JSON and on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }

        impl core::str::FromStr for $type {
            type Err = crate::names::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let unknown = crate::names::UnknownName { what: $what, allowed: &[$($name),+] };
                Self::ALL.into_iter().find(|value| value.name() == text).ok_or(unknown)
            }
        }
    };
}

/// Names the parts and fields that errors tell of: an enum with `name` and `Display`.
macro_rules! worded {
    ($(#[$attribute:meta])* $type:ident: $($(#[$variant_attribute:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $(
                $(#[$variant_attribute])*
                $variant,
            )+
        }

        impl $type {
            /// The name, as the errors' texts have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use {named, worded};

/// A text is none of a type's names. They are spelled in one way, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName {
    pub(crate) what: &'static str,
    pub(crate) allowed: &'static [&'static str],
}

impl UnknownName {
    /// The names that would have been accepted.
    #[must_use]
    pub const fn allowed(&self) -> &'static [&'static str] {
        self.allowed
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is one of ", self.what)?;
        for (at, name) in self.allowed.iter().enumerate() {
            write!(f, "{}{name}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownName {}

/// A text isn't an identifier of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not an issuer's id.
    #[error("an issuer's id is `iss_` and 22 letters and digits")]
    Issuer,
    /// Not a key's public name.
    #[error("a key's name is `apk_` and 22 letters and digits")]
    Name,
    /// Not a digest.
    #[error("a digest is 64 hexadecimal digits in lower case")]
    Digest,
    /// Not a serial.
    #[error("a serial is a shard below 2^28, a slash, and a slot below 2^20, as 3/14159")]
    Serial,
}
