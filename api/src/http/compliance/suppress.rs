//! Small counts kept back, with as many more as it takes that none can be had by subtraction.

/// Counts from 1 up to below this are kept back.
const SMALL: u64 = 5;

/// Counts in rows and columns, each with its total last. Every cell holds the same figures.
#[derive(Debug, Clone)]
pub struct Counts {
    /// Cells in a row, its total included.
    width: usize,
    /// Row by row.
    cells: Vec<Vec<u64>>,
    /// Whether columns add up to the last row.
    columns_add_up: bool,
}

impl Counts {
    /// One row: what was counted by one thing, with its total last.
    #[must_use]
    pub const fn one_way(cells: Vec<Vec<u64>>) -> Self {
        Self { width: cells.len(), cells, columns_add_up: false }
    }

    /// Rows of a width, each with its total last, and the totals of the columns as the last row.
    #[must_use]
    pub const fn two_way(width: usize, cells: Vec<Vec<u64>>) -> Self {
        Self { width, cells, columns_add_up: true }
    }

    /// Which cells hold a small count.
    #[must_use]
    pub fn small(&self) -> Vec<bool> {
        let small = |figure: &u64| (1..SMALL).contains(figure);
        self.cells.iter().map(|cell| cell.iter().any(small)).collect()
    }

    /// Which cells are kept back: those that hold a small count; then, where a line would have only one cell kept
    /// back or those kept back add up to a small count beside a total that is shown, the cell that holds least as
    /// well; then the same for a cell that several lines together would give away.
    #[must_use]
    pub fn kept_back(&self) -> Vec<bool> {
        self.kept_back_beside(self.small())
    }

    /// The same where more is kept back already.
    #[must_use]
    pub fn kept_back_beside(&self, mut hidden: Vec<bool>) -> Vec<bool> {
        let lines = self.lines();
        loop {
            let more = lines.iter().find_map(|line| self.complement(line, &hidden));
            let more = more.or_else(|| self.given_away(&hidden));
            let Some(place) = more.and_then(|place| hidden.get_mut(place)) else { return hidden };
            *place = true;
        }
    }

    /// The lines that add up: places of their cells, the total last.
    fn lines(&self) -> Vec<Vec<usize>> {
        let width = self.width.max(1);
        let height = self.cells.len() / width;
        let rows = (0..height).map(|row| (row * width..(row + 1) * width).collect());
        let columns = (0..width).map(|column| (0..height).map(|row| row * width + column).collect());
        if self.columns_add_up { rows.chain(columns).collect() } else { rows.collect() }
    }

    /// The cell to keep back beside those of a line that are, where that is needed.
    fn complement(&self, line: &[usize], hidden: &[bool]) -> Option<usize> {
        let is_hidden = |place: &&usize| hidden.get(**place).is_some_and(|hidden| *hidden);
        let (total, _) = line.split_last()?;
        let own: Vec<usize> = line.iter().filter(is_hidden).copied().collect();
        if own.is_empty() {
            return None;
        }
        let figures = self.cells.get(*total).map_or(0, Vec::len);
        let sum = |figure: usize| -> u64 {
            own.iter().filter_map(|place| self.cells.get(*place)?.get(figure)).sum()
        };
        let adds_up_to_little = || (0..figures).any(|figure| (1..SMALL).contains(&sum(figure)));
        if own.len() > 1 && (own.contains(total) || !adds_up_to_little()) {
            return None;
        }
        let shown = line.iter().filter(|place| !is_hidden(place)).copied();
        shown.min_by_key(|place| (self.weight(*place) == 0, place == total, self.weight(*place)))
    }

    fn weight(&self, place: usize) -> u64 {
        self.cells.get(place).map_or(0, |cell| cell.iter().sum())
    }

    /// The cell to keep back beside one that the lines together determine: rows and columns are the ends, and cells
    /// kept back the edges, of a graph, in which such a cell is the only way between its ends.
    fn given_away(&self, hidden: &[bool]) -> Option<usize> {
        if !self.columns_add_up {
            return None;
        }
        let width = self.width.max(1);
        let (row, column) = only_way(self.cells.len() / width, width, hidden)?;
        let shown = hidden.iter().enumerate().filter(|(_, hidden)| !**hidden).map(|(place, _)| place);
        shown.min_by_key(|place| {
            let beside = place / width == row || place % width == column;
            (!beside, self.weight(*place) == 0, self.weight(*place))
        })
    }
}

/// A cell kept back that is the only way between its row and its column.
fn only_way(height: usize, width: usize, hidden: &[bool]) -> Option<(usize, usize)> {
    let mut beside: Vec<Vec<(usize, usize)>> = vec![Vec::new(); height + width];
    for (place, _) in hidden.iter().enumerate().filter(|(_, hidden)| **hidden) {
        let (row, column) = (place / width, height + place % width);
        for (end, other) in [(row, column), (column, row)] {
            if let Some(ways) = beside.get_mut(end) {
                ways.push((other, place));
            }
        }
    }
    let mut walk = Walk { beside: &beside, met: vec![None; beside.len()], steps: 0, only: None };
    for end in 0..beside.len() {
        if walk.met.get(end) == Some(&None) {
            walk.visit(end, None);
        }
    }
    walk.only.map(|place| (place / width, place % width))
}

/// A walk in depth through rows and columns along the cells kept back.
struct Walk<'b> {
    /// From each row or column, where its cells lead.
    beside: &'b [Vec<(usize, usize)>],
    /// At which step each was met.
    met: Vec<Option<usize>>,
    steps: usize,
    /// A cell that nothing leads round.
    only: Option<usize>,
}

impl Walk<'_> {
    /// Goes on from an end that was come to by a cell; answers the earliest step that is led back to from there.
    fn visit(&mut self, end: usize, by: Option<usize>) -> usize {
        let own = self.steps;
        self.steps += 1;
        if let Some(met) = self.met.get_mut(end) {
            *met = Some(own);
        }
        let mut earliest = own;
        for (next, place) in self.beside.get(end).map_or(&[][..], Vec::as_slice) {
            if by == Some(*place) {
                continue;
            }
            let known = self.met.get(*next).copied().flatten();
            let back = known.unwrap_or_else(|| self.visit(*next, Some(*place)));
            if known.is_none() && back > own {
                self.only.get_or_insert(*place);
            }
            earliest = earliest.min(back);
        }
        earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_way(rows: &[&[u64]]) -> Counts {
        let width = rows.first().map_or(0, |row| row.len()) + 1;
        let mut cells = Vec::new();
        for row in rows {
            cells.extend(row.iter().map(|count| vec![*count]));
            cells.push(vec![row.iter().sum()]);
        }
        for column in 0..width - 1 {
            cells.push(vec![rows.iter().map(|row| row[column]).sum()]);
        }
        cells.push(vec![rows.iter().flat_map(|row| row.iter()).sum()]);
        Counts::two_way(width, cells)
    }

    /// Whether the row and the column of a cell are joined by other cells, step by step.
    fn joined_without(
        edge: &(usize, usize, usize),
        edges: &[(usize, usize, usize)],
        height: usize,
        width: usize,
    ) -> bool {
        let mut reached = (vec![false; height], vec![false; width]);
        let mark = |marks: &mut Vec<bool>, at: usize| {
            marks.get_mut(at).is_some_and(|mark| !std::mem::replace(mark, true))
        };
        mark(&mut reached.0, edge.1);
        loop {
            let mut further = false;
            for (place, row, column) in edges {
                if *place == edge.0 {
                    continue;
                }
                let (at_row, at_column) =
                    (reached.0.get(*row) == Some(&true), reached.1.get(*column) == Some(&true));
                if at_row != at_column {
                    mark(&mut reached.0, *row);
                    mark(&mut reached.1, *column);
                    further = true;
                }
            }
            if reached.1.get(edge.2) == Some(&true) {
                return true;
            }
            if !further {
                return false;
            }
        }
    }

    /// Cells kept back that the lines together determine.
    fn determined(counts: &Counts, hidden: &[bool]) -> usize {
        let (width, height) = (counts.width, counts.cells.len() / counts.width);
        let places = hidden.iter().enumerate().filter(|(_, hidden)| **hidden);
        let edges: Vec<_> = places.map(|(place, _)| (place, place / width, place % width)).collect();
        edges.iter().filter(|edge| !joined_without(edge, &edges, height, width)).count()
    }

    /// What somebody finds who fills in every line with one unknown, over and over.
    fn found_by_subtraction(counts: &Counts, hidden: &[bool]) -> usize {
        let mut unknown = hidden.to_vec();
        loop {
            let lines = counts.lines();
            let one = lines.iter().find_map(|line| {
                let mut open = line.iter().filter(|place| unknown[**place]);
                match (open.next(), open.next()) {
                    (Some(place), None) => Some(*place),
                    _ => None,
                }
            });
            let Some(place) = one else { break };
            unknown[place] = false;
        }
        hidden.iter().zip(&unknown).filter(|(hidden, unknown)| **hidden && !**unknown).count()
    }

    #[test]
    fn without_a_complement_a_small_count_is_had_by_subtraction_and_with_it_it_is_not() {
        let counts = two_way(&[&[3, 20, 30], &[40, 50, 60]]);
        assert_eq!(found_by_subtraction(&counts, &counts.small()), 1, "the control gives nothing away");
        let hidden = counts.kept_back();
        assert!(hidden.iter().filter(|hidden| **hidden).count() >= 4, "{hidden:?}");
        assert_eq!(found_by_subtraction(&counts, &hidden), 0);
    }

    #[test]
    fn one_row_hides_a_second_count_or_the_total() {
        let counts = Counts::one_way(vec![vec![3], vec![20], vec![23]]);
        assert_eq!(found_by_subtraction(&counts, &counts.small()), 1);
        assert_eq!(counts.kept_back(), [true, true, false]);
        let alone = Counts::one_way(vec![vec![3], vec![0], vec![3]]);
        assert_eq!(alone.kept_back(), [true, false, true]);
        let large = Counts::one_way(vec![vec![5], vec![0], vec![5]]);
        assert_eq!(large.kept_back(), [false; 3]);
        let many = Counts::one_way(vec![vec![4], vec![0], vec![5], vec![9]]);
        assert_eq!(many.kept_back(), [true, false, true, false]);
    }

    #[test]
    fn small_counts_that_would_be_told_by_what_they_add_up_to_take_a_third_with_them() {
        let counts = Counts::one_way(vec![vec![1], vec![2], vec![30], vec![40], vec![73]]);
        assert_eq!(counts.kept_back(), [true, true, true, false, false]);
    }

    #[test]
    fn no_table_of_a_thousand_gives_a_cell_away_by_subtraction_or_by_several_lines_together() {
        let mut seed = 7u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let mut naive = 0;
        for _ in 0..1_000 {
            let rows: Vec<Vec<u64>> = (0..4)
                .map(|_| (0..5).map(|_| if next(4) == 0 { next(6) } else { 5 + next(40) }).collect())
                .collect();
            let counts = two_way(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
            naive += found_by_subtraction(&counts, &counts.small());
            let hidden = counts.kept_back();
            assert_eq!(found_by_subtraction(&counts, &hidden), 0, "{rows:?}");
            assert_eq!(determined(&counts, &hidden), 0, "{rows:?}");
            let way = only_way(5, 6, &counts.small());
            assert_eq!(way.is_some(), determined(&counts, &counts.small()) > 0, "{rows:?}");
        }
        assert!(naive > 500, "the control gives only {naive} away");
    }
}
