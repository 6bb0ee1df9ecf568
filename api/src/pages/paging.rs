//! The pages of a long list.

use super::words::grouped;

/// Which part of a list is shown, and the links to the other parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// The place of the first row shown, counted from 1; 0 if there is none.
    pub first: u64,
    /// The place of the last row shown.
    pub last: u64,
    /// How many rows there are in all.
    pub total: u64,
    /// The address of the page before.
    pub previous: Option<String>,
    /// The address of the page after.
    pub next: Option<String>,
    /// The numbered links; empty if everything fits on one page.
    pub items: Vec<PageItem>,
}

/// One entry of the numbered links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageItem {
    /// A link to a page.
    Page {
        /// Its number, counted from 1.
        number: u64,
        /// Its address.
        href: String,
    },
    /// The page that is shown.
    Current {
        /// Its number, counted from 1.
        number: u64,
        /// Its address.
        href: String,
    },
    /// Pages left out.
    Gap,
}

impl Pages {
    /// The paging of a list of `total` rows, `size` on a page, at page `number` (from 1), where
    /// `href` gives the address of a page.
    ///
    /// A number beyond the last page shows the last page; a size of 0 counts as 1.
    pub fn new(number: u64, size: u64, total: u64, href: impl Fn(u64) -> String) -> Self {
        let size = size.max(1);
        let count = total.div_ceil(size).max(1);
        let number = number.clamp(1, count);
        let first = if total == 0 { 0 } else { (number - 1) * size + 1 };
        let mut items = Vec::new();
        if count > 1 {
            let mut before = 0;
            for page in (1..=count).filter(|page| *page == 1 || *page == count || page.abs_diff(number) <= 1)
            {
                if page > before + 1 {
                    items.push(PageItem::Gap);
                }
                before = page;
                items.push(if page == number {
                    PageItem::Current { number: page, href: href(page) }
                } else {
                    PageItem::Page { number: page, href: href(page) }
                });
            }
        }
        Self {
            first,
            last: (number * size).min(total),
            total,
            previous: (number > 1).then(|| href(number - 1)),
            next: (number < count).then(|| href(number + 1)),
            items,
        }
    }

    /// What is shown, in words, for example `51 to 100 of 1,234`; `0` if there is nothing.
    #[must_use]
    pub fn words(&self) -> String {
        if self.items.is_empty() {
            return grouped(self.total);
        }
        format!("{} to {} of {}", grouped(self.first), grouped(self.last), grouped(self.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(number: u64, total: u64) -> Pages {
        Pages::new(number, 50, total, |page| format!("?page={page}"))
    }

    fn numbers(pages: &Pages) -> String {
        let text = |item: &PageItem| match item {
            PageItem::Page { number, .. } => number.to_string(),
            PageItem::Current { number, .. } => format!("[{number}]"),
            PageItem::Gap => "…".to_owned(),
        };
        pages.items.iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_page_needs_no_links() {
        assert_eq!(numbers(&pages(1, 50)), "");
        assert_eq!(pages(1, 50).words(), "50");
        assert_eq!(pages(1, 0).words(), "0");
    }

    #[test]
    fn the_fifty_first_row_opens_a_second_page() {
        let second = pages(2, 51);
        assert_eq!(numbers(&second), "1 [2]");
        assert_eq!(second.words(), "51 to 51 of 51");
        assert_eq!(second.previous.as_deref(), Some("?page=1"));
        assert_eq!(second.next, None);
    }

    #[test]
    fn far_pages_are_left_out() {
        assert_eq!(numbers(&pages(1, 1_000)), "[1] 2 … 20");
        assert_eq!(numbers(&pages(10, 1_000)), "1 … 9 [10] 11 … 20");
        assert_eq!(numbers(&pages(20, 1_000)), "1 … 19 [20]");
    }

    #[test]
    fn a_number_beyond_the_end_shows_the_last_page() {
        assert_eq!(pages(99, 60).words(), "51 to 60 of 60");
    }
}
