//! Invented names for places and people.

/// Names of areas; a second round gets a number.
pub(super) const AREAS: &[&str] = &[
    "Ashmere",
    "Brackenshire",
    "Coldwater Vale",
    "Dunmoor",
    "Eastmarch",
    "Fenwick Sands",
    "Glenhollow",
    "Harrowdale",
    "Inkbarrow",
    "Juniper Coast",
    "Kestrel Downs",
    "Larkshire",
    "Merewold",
    "Netherfield",
    "Oakhampton Moor",
    "Penhallow",
    "Quarrydale",
    "Ravensholt",
    "Silverdene",
    "Thornbury Wolds",
    "Umberleigh",
    "Vexford",
    "Westering",
    "Yarrowdale",
    "Alderholm",
    "Birchover",
    "Cragside",
    "Drovers Vale",
    "Elmstead",
    "Foxcombe",
    "Greyfell",
    "Hazelmoor",
    "Ivelshire",
    "Kingswater",
    "Longmynd Edge",
    "Millbrook Tye",
    "Northolme",
    "Otterburn Hills",
    "Pikeshire",
    "Rushford",
    "Stonegate",
    "Tarnholme",
];

/// Names of regions.
pub(super) const REGIONS: &[&str] = &[
    "Upper Moorland",
    "Lower Moorland",
    "Western Isles",
    "Great Estuary",
    "Middle March",
    "Eastern Heaths",
    "Southern Wolds",
    "Lakes and Fells",
    "Capital Ring",
    "Border Hills",
    "Severnside Reach",
    "Chalk Downs",
];

/// Names of units within an area.
pub(super) const UNITS: &[&str] = &["North", "South", "East", "West", "City", "Coast", "Valley", "Hill"];

/// Given names.
pub(super) const GIVEN: &[&str] = &[
    "Aaliyah", "Alun", "Amara", "Anil", "Beatrix", "Bryn", "Callum", "Carys", "Chidi", "Dafydd", "Deepa",
    "Edith", "Emeka", "Farah", "Finlay", "Gethin", "Grace", "Hamza", "Harriet", "Ines", "Isaac", "Jasmin",
    "Joel", "Kavita", "Kofi", "Leila", "Lowri", "Marek", "Mei", "Nadia", "Noah", "Olwen", "Oscar", "Priya",
    "Rafal", "Rhian", "Samir", "Sian", "Tariq", "Una", "Wei", "Yusuf", "Zara",
];

/// Family names.
pub(super) const FAMILY: &[&str] = &[
    "Abara",
    "Ashdown",
    "Bannerjee",
    "Bellweather",
    "Blackthorn",
    "Calloway",
    "Chandrasen",
    "Coppergate",
    "Dankworth",
    "Dewhurst",
    "Eastlake",
    "Ellingham",
    "Fairweather",
    "Farrowby",
    "Gadsden",
    "Greenhalgh",
    "Hallowell",
    "Harkness",
    "Idowu",
    "Inglewood",
    "Jarrow",
    "Kestrel",
    "Kowalczyk",
    "Lanyon",
    "Larkin",
    "Merriweather",
    "Mistry",
    "Nettleship",
    "Nwosu",
    "Oakenfull",
    "Okonedo",
    "Pemberley",
    "Penrose",
    "Quilter",
    "Ravenhill",
    "Rowntree",
    "Saltmarsh",
    "Silverwood",
    "Tanqueray",
    "Thistlewood",
    "Underhill",
    "Vasquez",
    "Venn",
    "Wetherby",
    "Wildgoose",
    "Yardley",
    "Zielinski",
];

/// Reads a list as if it began again at its end.
pub(super) fn cycle(list: &'static [&'static str], place: u32) -> &'static str {
    let count = u32::try_from(list.len()).unwrap_or(1).max(1);
    list.get((place % count) as usize).copied().unwrap_or("Nameless")
}
