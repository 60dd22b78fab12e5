//! The page with a recovery code: a PDF of one A4 page with the code, what it is for, and the code as a QR code.
//!
//! PDF 1.4 with two of the fonts that every reader has, and the QR code as filled squares: no font or picture is embedded.

use std::fmt::Write as _;

use claviger_pin::RecoveryCode;
use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

use crate::output::Failure;

/// The side of a square of the QR code, in points.
const SQUARE: usize = 6;
/// Where the QR code begins, in points from the left and from below.
const QR_AT: (usize, usize) = (72, 420);

/// What stands on the page, from above: size in points, font, text. The code comes in between.
const HEAD: [(u32, &str); 1] = [(22, "Claviger: your recovery code")];
const FOOT: [(u32, &str); 7] = [
    (
        12,
        "With this code you set a new PIN when you forgot yours, when it is locked",
    ),
    (12, "after too many wrong tries, or when its file came from a backup."),
    (12, "Your passkeys stay as they are: claviger verify recover"),
    (
        12,
        "Keep it where you keep papers. Whoever has it, and your machine or a copy",
    ),
    (12, "of its files, can use it."),
    (12, "Try it now and then, which changes nothing: claviger verify drill"),
    (
        12,
        "A file of this page is as good as the page: delete it when it is printed.",
    ),
];

/// The page.
pub fn pdf(code: &RecoveryCode) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let spelled = code.spelled();
    let content = content(&spelled)?;
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R \
         /Resources << /Font << /F1 4 0 R /F2 5 0 R >> >> >>"
            .to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Courier-Bold >>".to_owned(),
    ];
    // Large enough from the start, because a text that grows leaves copies of the secret behind.
    let mut file = Zeroizing::new(Vec::with_capacity(content.len() + 2048));
    file.extend_from_slice(b"%PDF-1.4\n");
    let mut places = Vec::new();
    for object in &objects {
        places.push(file.len());
        let number = places.len();
        file.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    places.push(file.len());
    file.extend_from_slice(format!("6 0 obj\n<< /Length {} >>\nstream\n", content.len()).as_bytes());
    file.extend_from_slice(content.as_bytes());
    file.extend_from_slice(b"endstream\nendobj\n");
    let table = file.len();
    file.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).as_bytes());
    for place in &places {
        file.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    let size = places.len() + 1;
    let trailer = format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    file.extend_from_slice(trailer.as_bytes());
    Ok(file)
}

/// What is drawn.
fn content(spelled: &str) -> Result<Zeroizing<String>, Failure> {
    let code = QrCode::with_error_correction_level(spelled, EcLevel::M).map_err(Failure::failed)?;
    let width = code.width();
    let mut drawn = Zeroizing::new(String::with_capacity(32 * width * width + 4096));
    let mut height = 780;
    let mut text = |font: &str, (size, words): (u32, &str), height: u32| {
        writeln!(drawn, "BT /{font} {size} Tf 72 {height} Td ({words}) Tj ET")
    };
    let written = HEAD.into_iter().try_for_each(|words| text("F1", words, height));
    height -= 50;
    let written = written.and_then(|()| text("F2", (20, spelled), height));
    let written = FOOT.into_iter().enumerate().fold(written, |written, (index, words)| {
        let below = 360 - 20 * u32::try_from(index).unwrap_or_default();
        written.and_then(|()| text("F1", words, below))
    });
    let squares = code.to_colors();
    let written = written.and_then(|()| {
        for (index, _) in squares.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            let (column, row) = (index % width, index / width);
            let (x, y) = (QR_AT.0 + SQUARE * column, QR_AT.1 + SQUARE * (width - 1 - row));
            writeln!(drawn, "{x} {y} {SQUARE} {SQUARE} re f")?;
        }
        Ok(())
    });
    written.map_err(Failure::failed)?;
    Ok(drawn)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn page() -> String {
        let code = RecoveryCode::parse("0000-0000-0000-0000-0000-0000-0000").unwrap();
        String::from_utf8(pdf(&code).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn every_object_is_where_the_table_says() {
        let page = page();
        let table: usize = page
            .rsplit_once("startxref\n")
            .unwrap()
            .1
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let mut lines = page[table..].lines();
        assert_eq!((lines.next(), lines.next()), (Some("xref"), Some("0 7")));
        for (number, line) in lines.skip(1).take(6).enumerate() {
            let place: usize = line[..10].parse().unwrap();
            assert!(page[place..].starts_with(&format!("{} 0 obj\n", number + 1)));
            assert_eq!(line.len(), 19, "and an end of two bytes");
        }
        let stream = page
            .split_once("stream\n")
            .unwrap()
            .1
            .split_once("endstream")
            .unwrap()
            .0;
        assert!(page.contains(&format!("/Length {} >>", stream.len())));
    }

    #[test]
    fn the_page_has_the_code_in_words_and_squares() {
        let page = page();
        assert!(page.contains("(0000-0000-0000-0000-0000-0000-0000) Tj"));
        let code = QrCode::with_error_correction_level("0000-0000-0000-0000-0000-0000-0000", EcLevel::M).unwrap();
        let dark = code
            .to_colors()
            .into_iter()
            .filter(|color| *color == Color::Dark)
            .count();
        assert_eq!(page.matches(" re f\n").count(), dark);
        // All of it is on an A4 page, and below the code in words.
        assert!(QR_AT.1 + SQUARE * code.width() < 720 && QR_AT.0 + SQUARE * code.width() < 595);
        // Helvetica's letters are half as wide as they are high, one with another.
        for (size, words) in HEAD.iter().chain(&FOOT) {
            assert!(words.len() * *size as usize / 2 <= 595 - 2 * 72, "{words}");
        }
    }
}
