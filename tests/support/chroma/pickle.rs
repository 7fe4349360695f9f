//! `index_metadata.pickle` as Chroma 1.x writes it: protocol 3, one plain dictionary.

/// Labels count from 1 in the order of the ids.
pub fn of(ids: &[String]) -> Vec<u8> {
    let mut bytes = b"\x80\x03}(".to_vec();
    text(&mut bytes, "dimensionality");
    bytes.push(b'N');
    text(&mut bytes, "total_elements_added");
    integer(&mut bytes, ids.len());
    text(&mut bytes, "max_seq_id");
    bytes.push(b'N');
    text(&mut bytes, "id_to_label");
    bytes.extend(b"}(");
    for (label, id) in (1..).zip(ids) {
        text(&mut bytes, id);
        integer(&mut bytes, label);
    }
    bytes.push(b'u');
    text(&mut bytes, "label_to_id");
    bytes.extend(b"}(");
    for (label, id) in (1..).zip(ids) {
        integer(&mut bytes, label);
        text(&mut bytes, id);
    }
    bytes.push(b'u');
    text(&mut bytes, "id_to_seq_id");
    bytes.extend(b"}u.");
    bytes
}

/// BINUNICODE
fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'X');
    bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// BININT
fn integer(bytes: &mut Vec<u8>, number: usize) {
    bytes.push(b'J');
    bytes.extend(i32::try_from(number).unwrap().to_le_bytes());
}
