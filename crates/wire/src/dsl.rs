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
//!         ; tagged { 0 => extra: Type [10..] = 0, }   // ascending; a default is left out
//!     }
//!     struct Response<'a> { … }
//! }
//! ```
//! The structs before `Response` are read by the broker and those from it on are written; the
//! mirror halves exist under the feature `client`. The structs of a record have both halves. A null
//! in a version that cannot say null is an error when read and the empty value when written.
//! Nothing here knows how a type is encoded.

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
        record $record:ident = $key:literal, versions $versions:expr
        $(, flexible $flexible:literal)?;
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

    // When a struct can be decoded and when it can be encoded, as conditions of `cfg`; `all()` is
    // always true.
    (@request $(#[$doc:meta])* struct Response $($rest:tt)+) => {
        wire!(@response $(#[$doc])* struct Response $($rest)+);
    };
    (@request $(#[$doc:meta])* struct $name:ident $(<$l:lifetime>)? { $($b:tt)* } $($rest:tt)*) => {
        wire!(@struct [all()] [feature = "client"] $(#[$doc])* $name [$($l)?] { $($b)* });
        wire!(@request $($rest)*);
    };
    (@response $($(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? { $($body:tt)* })+) => {
        $(wire!(@struct [feature = "client"] [all()] $(#[$doc])* $name [$($life)?] { $($body)* });)+
    };
    (@record $($(#[$doc:meta])* struct $name:ident $(<$life:lifetime>)? { $($body:tt)* })+) => {
        $(wire!(@struct [all()] [all()] $(#[$doc])* $name [$($life)?] { $($body)* });)+
    };

    (@struct [$($decode:tt)+] [$($encode:tt)+] $(#[$doc:meta])* $name:ident [$($life:lifetime)?] {
        $(
            $(#[$fdoc:meta])*
            $field:ident: $ty:ty $([$when:expr $(, null $null:expr)?])? $(= $default:expr)?,
        )*
        $(; tagged { $(
            $(#[$tdoc:meta])*
            $tag:literal => $tfield:ident: $tty:ty $([$twhen:expr])? $(= $tdefault:expr)?,
        )+ })?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name $(<$life>)? {
            $(
                $(#[$fdoc])*
                $(#[doc = concat!("\nVersions `", stringify!($when), "`.")]
                $(#[doc = concat!("Nullable in `", stringify!($null), "`.")])?)?
                #[allow(missing_docs, reason = "fields without a comment are told by their name")]
                pub $field: $ty,
            )*
            $($(
                $(#[$tdoc])*
                #[doc = concat!("\nTagged field ", stringify!($tag), ".")]
                $(#[doc = concat!("Versions `", stringify!($twhen), "`.")])?
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

        #[cfg($($decode)+)]
        impl<'a> $crate::Decode<'a> for $name $(<$life>)? {
            fn decode(input: &'a [u8], version: $crate::Version) -> $crate::Parsed<'a, Self> {
                $(
                    let (input, $field): (_, $ty) = if wire!(@when version $($when)?) {
                        $crate::Decode::decode(input, version)?
                    } else {
                        (input, wire!(@default $($default)?))
                    };
                    $($(if wire!(@when version $when) && !wire!(@when version $null) {
                        $crate::decode::refuse_null(&$field)?;
                    })?)?
                )*
                $($(let mut $tfield: $tty = wire!(@default $($tdefault)?);)+)?
                let (input, ()) = $crate::tags::decode_tags(input, version, |_tag, _value| {
                    $(match _tag {
                        $($tag if wire!(@when version $($twhen)?) => {
                            $tfield = $crate::tags::decode_tagged(_value, version)?;
                        })+
                        _ => {}
                    })?
                    Ok(())
                })?;
                Ok((input, Self { $($field,)* $($($tfield,)+)? }))
            }
        }

        #[cfg($($encode)+)]
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
                        && PartialEq::<$tty>::ne(&self.$tfield, &wire!(@default $($tdefault)?));)+)?
                    out.put_uvarint(0 $($(+ u32::from($tfield))+)?);
                    $($(if $tfield {
                        $crate::tags::encode_tagged($tag, &self.$tfield, out, version);
                    })+)?
                }
            }
        }

        #[cfg(test)]
        impl<'a> $crate::tests::Sample<'a> for $name $(<$life>)? {
            fn sample(random: &mut $crate::tests::Random, version: $crate::Version) -> Self {
                let mut value = Self::default();
                $(if wire!(@when version $($when)?) {
                    value.$field = $crate::tests::Sample::sample(random, version);
                    $($(if !wire!(@when version $null) { value.$field.get_or_insert_default(); })?)?
                })*
                $($(if version.flexible && wire!(@when version $($twhen)?) {
                    value.$tfield = $crate::tests::Sample::sample(random, version);
                })+)?
                value
            }
        }
    };

    (@when $version:ident) => { true };
    (@when $version:ident $when:expr) => { std::ops::RangeBounds::contains(&$when, &$version.n) };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default };
}

pub(crate) use wire;
