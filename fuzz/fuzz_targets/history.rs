#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| daybook_engine::fuzz::history(input));
