//! Text in the places where the formats allow text.

/// Appends a label's value or a quoted name, without the quotes. The same in both formats.
pub fn quoted(text: &str, out: &mut Vec<u8>) {
    write(text, true, out);
}

/// Appends a HELP text. OpenMetrics escapes the quote there too; text 0.0.4 does not.
pub fn help(text: &str, openmetrics: bool, out: &mut Vec<u8>) {
    write(text, openmetrics, out);
}

fn write(text: &str, quotes: bool, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'"' if quotes => out.extend_from_slice(b"\\\""),
            byte => out.push(byte),
        }
    }
}
