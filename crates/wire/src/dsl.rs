//! `wire!`: the declaration of a message becomes a struct with its decoder and encoder.
//!
//! ```text
//! wire! {
//!     api Name = key, versions 3..=13, flexible 9;    // or: record Name = key, versions 0..=1;
//!
//!     struct Request<'a> {
//!         field: Type,                                // in every version
//!         later: Type [3..] = -1,                     // since version 3, until then -1
//!         maybe: Option<Type> [3.., null 7..],        // nullable since 7
//!         ; tagged { 0 => extra: Type [10..] = 0, }   // ascending tags; left out when it is the default
//!     }
//!     struct Response<'a> { … }
//! }
//! ```
//! The structs before `Response` are read by the broker and those from it on are written; the mirror halves exist
//! under the feature `client`. The structs of a record have both halves. A null in a version that cannot say
//! null is an error when read and the empty value when written. Nothing here knows how a type is encoded.

macro_rules! wire {
    (
        api $name:ident = $key:literal, versions $versions:expr
        $(, flexible $flexible:literal)? $(, advertised $advertised:expr)?;
        $($structs:tt)+
    ) => {
        /// The identity of this API.
        pub const API: $crate::Api = $crate::Api::new(stringify!($name), $key, $versions)
            $(.flexible_since($flexible))?
            $(.advertised_as($advertised))?;
        wire!(@request $($structs)+);
    };
    (
        record $record:ident = $key:literal, versions $versions:expr $(, flexible $flexible:literal)?;
        $(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? { $($body:tt)* } $($structs:tt)*
    ) => {
        wire!(@record $(#[$doc])* struct $name $(<$life>)? { $($body)* } $($structs)*);
        impl $(<$life>)? $crate::record::Record for $name $(<$life>)? {
            const NAME: &'static str = stringify!($record);
            const KEY: i16 = $key;
            const VERSIONS: std::ops::RangeInclusive<i16> = $versions;
            $(const FLEXIBLE_SINCE: i16 = $flexible;)?
        }
    };

    // Which halves a struct has.
    (@request $(#[$doc:meta])* struct Response $($rest:tt)+) => { wire!(@response $(#[$doc])* struct Response $($rest)+); };
    (@request $(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? { $($body:tt)* } $($rest:tt)*) => {
        wire!(@struct $(#[$doc])* $name [$($life)?] { $($body)* });
        wire!(@decode $name [$($life)?] { $($body)* });
        #[cfg(feature = "client")]
        wire!(@encode $name [$($life)?] { $($body)* });
        wire!(@request $($rest)*);
    };
    (@response $($(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? { $($body:tt)* })+) => {$(
        wire!(@struct $(#[$doc])* $name [$($life)?] { $($body)* });
        wire!(@encode $name [$($life)?] { $($body)* });
        #[cfg(feature = "client")]
        wire!(@decode $name [$($life)?] { $($body)* });
    )+};
    (@record $($(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? { $($body:tt)* })+) => {$(
        wire!(@struct $(#[$doc])* $name [$($life)?] { $($body)* });
        wire!(@encode $name [$($life)?] { $($body)* });
        wire!(@decode $name [$($life)?] { $($body)* });
    )+};

    (@struct $(#[$doc:meta])* $name:ident [$($life:lifetime)?] {
        $($(#[$fdoc:meta])* $field:ident: $ty:ty $([$when:expr $(, null $null:expr)?])? $(= $default:expr)?,)*
        $(; tagged {
            $($(#[$tdoc:meta])* $tag:literal => $tfield:ident: $tty:ty $([$twhen:expr])? $(= $tdefault:expr)?,)+
        })?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name $(<$life>)? {
            $(
                $(#[$fdoc])*
                $(#[doc = concat!("\nVersions `", stringify!($when), "`", $(", nullable in `", stringify!($null), "`",)? ".")])?
                #[allow(missing_docs)]
                pub $field: $ty,
            )*
            $($(
                $(#[$tdoc])*
                #[doc = concat!("\nTagged field ", stringify!($tag), $(", versions `", stringify!($twhen), "`",)? ".")]
                pub $tfield: $tty,
            )+)?
        }

        impl $(<$life>)? Default for $name $(<$life>)? {
            fn default() -> Self {
                Self {
                    $($field: wire!(@default $($default)?),)*
                    $($($tfield: wire!(@default $($tdefault)?),)+)?
                }
            }
        }
    };

    (@decode $name:ident [$($life:lifetime)?] {
        $($(#[$fdoc:meta])* $field:ident: $ty:ty $([$when:expr $(, null $null:expr)?])? $(= $default:expr)?,)*
        $(; tagged {
            $($(#[$tdoc:meta])* $tag:literal => $tfield:ident: $tty:ty $([$twhen:expr])? $(= $tdefault:expr)?,)+
        })?
    }) => {
        impl<'a> $crate::Decode<'a> for $name $(<$life>)? {
            fn decode(input: &'a [u8], version: $crate::Version) -> $crate::Parsed<'a, Self> {
                $(
                    let (input, $field): (_, $ty) = if wire!(@when version $($when)?) {
                        $crate::Decode::decode(input, version)?
                    } else {
                        (input, wire!(@default $($default)?))
                    };
                    $($(if $field.is_none() && wire!(@when version $when) && !wire!(@when version $null) {
                        return $crate::decode::fail($crate::Error::UnexpectedNull);
                    })?)?
                )*
                $($(let mut $tfield: $tty = wire!(@default $($tdefault)?);)+)?
                let (input, ()) = if version.flexible {
                    $crate::tags::decode_tags(input, |_tag, _value| {
                        $(match _tag {
                            $($tag if wire!(@when version $($twhen)?) => {
                                $tfield = $crate::tags::decode_tagged(_value, version)?;
                            })+
                            _ => {}
                        })?
                        Ok(())
                    })?
                } else {
                    (input, ())
                };
                Ok((input, Self { $($field,)* $($($tfield,)+)? }))
            }
        }
    };

    (@encode $name:ident [$($life:lifetime)?] {
        $($(#[$fdoc:meta])* $field:ident: $ty:ty $([$when:expr $(, null $null:expr)?])? $(= $default:expr)?,)*
        $(; tagged {
            $($(#[$tdoc:meta])* $tag:literal => $tfield:ident: $tty:ty $([$twhen:expr])? $(= $tdefault:expr)?,)+
        })?
    }) => {
        impl $(<$life>)? $crate::Encode for $name $(<$life>)? {
            fn encode(&self, out: &mut $crate::Encoder, version: $crate::Version) {
                $(if wire!(@when version $($when)?) {
                    $($(if self.$field.is_none() && !wire!(@when version $null) {
                        $crate::encode::encode_empty(&self.$field, out, version);
                    } else)?)?
                    { $crate::Encode::encode(&self.$field, out, version); }
                })*
                if version.flexible {
                    $($(let $tfield = wire!(@when version $($twhen)?)
                        && self.$tfield != { let default: $tty = wire!(@default $($tdefault)?); default };)+)?
                    out.put_uvarint(0 $($(+ u32::from($tfield))+)?);
                    $($(if $tfield {
                        $crate::tags::encode_tagged($tag, &self.$tfield, out, version);
                    })+)?
                }
            }
        }
    };

    (@when $version:ident) => { true };
    (@when $version:ident $when:expr) => { std::ops::RangeBounds::contains(&$when, &$version.n) };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
}

pub(crate) use wire;
