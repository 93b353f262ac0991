//! What every page has: its frame, and tables.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::runner::Grid;

/// A whole page, without anything from the network. `css` comes on top of what all pages have.
pub(crate) fn document(title: &str, css: &str, body: &Markup) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Kafka Connect Lab: " (title) }
                style { (PreEscaped(include_str!("page.css"))) (PreEscaped(css)) }
            }
            body { (body) }
        }
    };
    markup.into_string()
}

/// A grid as a table.
pub(crate) fn grid_table(grid: &Grid) -> Markup {
    html! {
        table.grid {
            thead { tr { @for cell in &grid.header { th { (cell) } } } }
            tbody { @for row in &grid.rows { tr { @for cell in row { td { (cell) } } } } }
        }
    }
}
