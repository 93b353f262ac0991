//! Text in the places where the formats allow text.

/// Appends a label's value or a quoted name, without the quotes. The same in both formats.
pub fn quoted(text: &[u8], out: &mut Vec<u8>) {
    write(text, true, out);
}

/// Appends a HELP text of text 0.0.4, which leaves quotes as they are.
pub fn help(text: &str, out: &mut Vec<u8>) {
    write(text.as_bytes(), false, out);
}

/// A HELP text of text 0.0.4 as OpenMetrics has it.
pub fn quotes(help: &[u8]) -> Vec<u8> {
    help.split(|byte| *byte == b'"')
        .collect::<Vec<_>>()
        .join(&b"\\\""[..])
}

fn write(text: &[u8], quotes: bool, out: &mut Vec<u8>) {
    let special = |byte: &u8| matches!(byte, b'\\' | b'\n') || (quotes && *byte == b'"');
    for piece in text.split_inclusive(special) {
        match piece.split_last() {
            Some((last, plain)) if special(last) => {
                out.extend_from_slice(plain);
                out.push(b'\\');
                out.push(if *last == b'\n' { b'n' } else { *last });
            }
            _ => out.extend_from_slice(piece),
        }
    }
}
