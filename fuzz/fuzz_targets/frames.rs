//! A frame as it comes from a connection: the header, then the request that it names.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_fuzz::read_and_write;
use millstream_wire::{ApiKey, RequestHeader, api, for_each_api};

fuzz_target!(|frame: &[u8]| {
    let Ok((header, body)) = RequestHeader::decode(frame) else {
        return;
    };
    let Some(api) = ApiKey::from_i16(header.api_key) else {
        return;
    };
    let Some(version) = api.version(header.api_version) else {
        return;
    };
    macro_rules! read {
        ($(($name:ident, $module:ident))+) => {
            match api {
                $(ApiKey::$name => read_and_write!(api::$module::Request, body, version),)+
            }
        };
    }
    for_each_api!(read);
});
