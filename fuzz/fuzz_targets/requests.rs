//! Every request at every version.

#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_fuzz::{choose, read_and_write};
use millstream_wire::{ApiKey, api, for_each_api};

fuzz_target!(|data: &[u8]| {
    let (api, version, body) = choose!(data);
    macro_rules! read {
        ($(($name:ident, $module:ident))+) => {
            match api {
                $(ApiKey::$name => read_and_write!(api::$module::Request, body, version),)+
            }
        };
    }
    for_each_api!(read);
});
