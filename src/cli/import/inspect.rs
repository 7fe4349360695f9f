//! `import chroma … --inspect`: what a source has, as a table or as JSON.

use crate::cli::Ui;
use crate::import::{Collection, Inventory, Space};

const HEADING: [&str; 5] = [
    "collection",
    "records",
    "dimensions",
    "distance",
    "without vector",
];

pub(super) fn show(inventory: &Inventory, ui: &Ui) {
    if ui.is_json() {
        ui.json(&Report { schema: 1, inventory });
    } else {
        ui.print(text(inventory));
    }
}

#[derive(serde::Serialize)]
struct Report<'i> {
    schema: u32,
    #[serde(flatten)]
    inventory: &'i Inventory,
}

fn text(inventory: &Inventory) -> String {
    let mut text = format!(
        "{}: {}\n",
        visible(&inventory.source),
        visible(&inventory.version)
    );
    for oddity in &inventory.oddities {
        text.push_str(&format!("  note: {}\n", visible(oddity)));
    }
    if inventory.collections.is_empty() {
        text.push_str("no collections\n");
        return text;
    }
    let rows: Vec<[String; 5]> = std::iter::once(HEADING.map(String::from))
        .chain(inventory.collections.iter().map(row))
        .collect();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    });
    let notes = std::iter::once(&[][..]).chain(
        inventory
            .collections
            .iter()
            .map(|collection| &collection.oddities[..]),
    );
    for (row, notes) in rows.iter().zip(notes) {
        let [name, records, dimensions, distance, without] = row;
        let line = format!(
            "{name:0$}  {records:>1$}  {dimensions:>2$}  {distance:3$}  {without:>4$}",
            widths[0], widths[1], widths[2], widths[3], widths[4]
        );
        text.push_str(&format!("{line}\n"));
        for note in notes {
            text.push_str(&format!("  note: {}\n", visible(note)));
        }
    }
    text
}

fn row(collection: &Collection) -> [String; 5] {
    let unknown = || "?".to_owned();
    let distance = match collection.space {
        Space::L2 => "l2",
        Space::Cosine => "cosine",
        Space::Ip => "ip",
    };
    [
        visible(&collection.name.to_string()),
        collection.records.to_string(),
        collection
            .dimensions
            .map_or_else(|| "-".to_owned(), |dimensions| dimensions.to_string()),
        distance.to_owned(),
        collection
            .without_vector
            .map_or_else(unknown, |count| count.to_string()),
    ]
}

/// Names are anybody's text: a control character in one could rewrite the terminal.
fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => visible.extend(letter.escape_default()),
            false => visible.push(letter),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::import::{Collection, CollectionName, Inventory, Space};

    #[test]
    fn a_row_a_collection_with_its_oddities_below() {
        let collection = |name: &str, records, dimensions, without_vector, oddities: &[&str]| Collection {
            id: "1".to_owned(),
            name: CollectionName {
                tenant: "default_tenant".to_owned(),
                database: "default_database".to_owned(),
                name: name.to_owned(),
            },
            dimensions,
            space: Space::Cosine,
            records,
            without_vector,
            damage: None,
            oddities: oddities.iter().map(|oddity| (*oddity).to_owned()).collect(),
        };
        let inventory = Inventory {
            source: "/data/chroma".to_owned(),
            version: "Chroma 1.5".to_owned(),
            fingerprint: None,
            collections: vec![
                collection("docs", 1200, Some(1536), Some(3), &["Three are lost."]),
                collection("a\u{1b}[2J", 0, None, None, &[]),
            ],
            oddities: vec!["It is a copy.".to_owned()],
        };
        assert_eq!(
            text(&inventory),
            "/data/chroma: Chroma 1.5\n  note: It is a copy.\n\
             collection                                  records  dimensions  distance  without vector\n\
             default_tenant/default_database/docs           1200        1536  cosine                 3\n  \
             note: Three are lost.\n\
             default_tenant/default_database/a\\u{1b}[2J        0           -  cosine                 ?\n"
        );
    }
}
