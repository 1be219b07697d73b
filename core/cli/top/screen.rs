//! The view on the terminal. Owns colours and widths; knows no numbers.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::figures::{COLUMNS, Mood, View};

pub fn draw(frame: &mut Frame<'_>, view: &View, url: &str) {
    let [head, table, foot] =
        Layout::vertical([Constraint::Length(2), Constraint::Min(0), Constraint::Length(1)])
            .areas(frame.area());
    let bold = Style::new().add_modifier(Modifier::BOLD);
    frame.render_widget(Paragraph::new(Line::styled(view.head.as_str(), bold)), head);
    frame.render_widget(nodes(view), table);
    let foot_line = match &view.silent {
        Some(why) => Line::styled(why.as_str(), Style::new().fg(Color::Red)),
        None => Line::styled(format!("{url}   q quits"), Style::new().add_modifier(Modifier::DIM)),
    };
    frame.render_widget(Paragraph::new(foot_line), foot);
}

fn nodes(view: &View) -> Table<'_> {
    let titles = Row::new(COLUMNS.map(Cell::from)).style(Style::new().add_modifier(Modifier::DIM));
    let rows = view.rows.iter().map(|row| {
        let cells = row.cells.iter().map(|cell| Cell::from(cell.as_str()));
        Row::new(cells).style(style(row.mood))
    });
    Table::new(rows, widths(view)).header(titles).column_spacing(2)
}

/// What each column needs; the last takes what is left.
fn widths(view: &View) -> [Constraint; COLUMNS.len()] {
    std::array::from_fn(|column| {
        let cells = view.rows.iter().map(|row| row.cells[column].chars().count());
        let widest = cells.chain([COLUMNS[column].chars().count()]).max().unwrap_or(0);
        match column + 1 == COLUMNS.len() {
            true => Constraint::Min(0),
            false => Constraint::Length(u16::try_from(widest).unwrap_or(u16::MAX)),
        }
    })
}

fn style(mood: Mood) -> Style {
    match mood {
        Mood::Well => Style::new(),
        Mood::Losing | Mood::Waiting => Style::new().fg(Color::Yellow),
        Mood::Ended => Style::new().add_modifier(Modifier::DIM),
        Mood::Failed => Style::new().fg(Color::Red),
    }
}
