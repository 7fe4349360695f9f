//! Reading `EXPLAIN (FORMAT JSON)`: which index the planner chose for a nearest-neighbour search.

use serde_json::Value;

/// The node that reads the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// `Index Scan`, `Seq Scan`, …
    pub node: String,
    /// The index of an index scan that also gives the order, so that `LIMIT` stops early; else none.
    pub index: Option<String>,
}

impl Planned {
    /// `None` when the text is no plan.
    pub fn parse(json: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(json).ok()?;
        scan(document.get(0)?.get("Plan")?)
    }

    /// As evidence: `Index Scan using articles_embedding_idx`.
    pub fn describe(&self) -> String {
        match &self.index {
            Some(index) => format!("{} using {index}", self.node),
            None => self.node.clone(),
        }
    }
}

/// The first scan, outermost first, but for what is only computed beside it.
fn scan(node: &Value) -> Option<Planned> {
    let relationship = node.get("Parent Relationship").and_then(Value::as_str);
    if matches!(relationship, Some("InitPlan" | "SubPlan")) {
        return None;
    }
    let kind = node.get("Node Type")?.as_str()?;
    if kind.ends_with("Scan") {
        let ordered = kind == "Index Scan" && node.get("Order By").is_some();
        let index = node.get("Index Name").and_then(Value::as_str).filter(|_| ordered);
        return Some(Planned {
            node: kind.to_owned(),
            index: index.map(str::to_owned),
        });
    }
    node.get("Plans")?.as_array()?.iter().find_map(scan)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_index_scan_that_gives_the_order_counts() {
        let ordered = r#"[{"Plan":{"Node Type":"Limit","Plans":[{"Node Type":"Index Scan","Index Name":"i",
            "Order By":"(e <=> $1)"}]}}]"#;
        let sorted = r#"[{"Plan":{"Node Type":"Limit","Plans":[{"Node Type":"Sort","Plans":[
            {"Node Type":"Index Scan","Index Name":"i"}]}]}}]"#;
        let sequential = r#"[{"Plan":{"Node Type":"Limit","Plans":[{"Node Type":"Seq Scan"}]}}]"#;
        let beside = r#"[{"Plan":{"Node Type":"Limit","Plans":[{"Node Type":"Index Scan","Index Name":"of a setting",
            "Parent Relationship":"InitPlan"},{"Node Type":"Index Scan","Index Name":"i","Order By":"(e <=> $1)"}]}}]"#;
        for (json, index) in [
            (ordered, Some("i")),
            (sorted, None),
            (sequential, None),
            (beside, Some("i")),
        ] {
            assert_eq!(Planned::parse(json).unwrap().index.as_deref(), index, "{json}");
        }
        assert_eq!(Planned::parse("{}"), None);
    }
}
