//! Text that fits a terminal.

/// Columns of a line.
const WIDTH: usize = 100;

/// Lines of text, indented and wrapped between words.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// A line that begins at column `indent`; what does not fit goes on two columns further right.
    pub fn line(&mut self, indent: usize, text: &str) {
        let mut column = 0;
        for word in text.split(' ') {
            let width = word.chars().count();
            if column == 0 {
                self.text.push_str(&" ".repeat(indent));
                column = indent;
            } else if column + 1 + width > WIDTH {
                self.text.push('\n');
                self.text.push_str(&" ".repeat(indent + 2));
                column = indent + 2;
            } else {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += width;
        }
        self.end_line();
    }

    pub fn empty(&mut self) {
        self.text.push('\n');
    }

    /// Rows with columns as wide as their widest cell, the last one free.
    pub fn rows(&mut self, indent: usize, rows: &[Vec<String>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in rows {
            let cells = row.iter().zip(&widths);
            let line: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
            self.line(indent, line.join("  ").trim_end());
        }
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn end_line(&mut self) {
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        self.text.push('\n');
    }
}
